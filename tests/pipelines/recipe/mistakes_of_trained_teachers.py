"""Mistakes in what a recipe says of a published network, or of a teacher that exists already; see `mistakes`."""

TRAINED = {
    "unknown published architecture": (
        ("architecture: tiny_cnn", "architecture: torchvision.models:resnet19"),
        "students.small.architecture",
        "no such network",
        "`resnet18`",
    ),
    "an argument that the data say": (
        ("architecture: tiny_cnn", "arguments: {num_classes: 3}\n      architecture: torchvision.models:resnet18"),
        "students.small.arguments.num_classes",
        "is what the data say",
        "classes and channels are theirs",
    ),
    "an argument that a factory does not take": (
        ("architecture: tiny_cnn", "architecture: tiny_cnn\n      arguments: {width: 8}"),
        "students.small.arguments.width",
        "no such argument",
        "it takes none but input_shape and classes",
    ),
    "no epochs without weights": (
        ("epochs: 1  #", "weights: torchvision\n    epochs: 0  #"),
        "teacher.weights",
        "'torchvision' (text)",
        "torchvision.models:<name>",
    ),
    "weights that are no file of weights": (
        ("epochs: 1  #", "weights: teacher.h5\n    epochs: 1  #"),
        "teacher.weights",
        "'teacher.h5' (text)",
        ".safetensors",
    ),
    "weights that are not there": (
        ("epochs: 1  #", "weights: gone.safetensors\n    epochs: 1  #"),
        "teacher.weights",
        "no such file",
        "relative to",
    ),
    "freezing without weights": (("epochs: 1  #", "freeze: backbone\n    epochs: 1  #"), "teacher.freeze", "useless"),
    "an onnx student": (
        ("students:\n    small:\n      architecture: tiny_cnn", "students:\n    small:\n      architecture: onnx"),
        "students.small.architecture",
        "'onnx' (text)",
        "a network that learns",
    ),
    "a deviation of zero": (
        ("epochs: 1  #", "normalization: {mean: [0.5], std: [0]}\n    epochs: 1  #"),
        "teacher.normalization.std",
        "0 (a number)",
        "more than 0",
    ),
}
