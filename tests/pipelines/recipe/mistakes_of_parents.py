"""Mistakes in what a recipe says of which model is made of which; see `mistakes`."""

PARENTS = {
    "quantized student of nobody": (
        ("student: small", "student: smal"),
        "quantized_students.int8.student",
        "'smal' (text)",
        "`small`",
    ),
    "an ensemble of one": (
        ("epochs: 1  #", "ensemble: 1\n    epochs: 1  #"),
        "teacher.ensemble",
        "1 (a number)",
        "at least 2",
    ),
    "an ensemble of copies": (
        (
            "architecture: simple_cnn\n    epochs: 1  #",
            "ensemble: 2\n    architecture: torchvision.models:resnet18\n    weights: torchvision\n    epochs: 0  #",
        ),
        "teacher.ensemble",
        "useless",
        "2 (a number)",
        "all members would be one network",
    ),
    "an ensemble of frozen networks": (
        (
            "architecture: simple_cnn\n    epochs: 1  #",
            "ensemble: 2\n    architecture: torchvision.models:resnet18\n    weights: torchvision\n"
            "    freeze: backbone\n    epochs: 1  #",
        ),
        "teacher.ensemble",
        "`freeze: backbone` keeps",
    ),
    "taught by nobody": (
        ("control: true", "teacher: smal\n      control: true"),
        "students.small.teacher",
        "no such student",
        "'smal' (text)",
        "nothing, for the recipe's teacher",
    ),
    "taught by itself": (
        ("control: true", "teacher: small\n      control: true"),
        "students.small.teacher",
        "learns from itself (small <- small)",
        "'small' (text)",
        "nothing, for the recipe's teacher",
    ),
    "taught by an asset": (
        ("control: true", "teacher: student/small\n      control: true"),
        "students.small.teacher",
        "'student/small' (text)",
        "letters, digits and underscores",
    ),
    "quantized from no model": (
        ("student: small", "of: students/small"),
        "quantized_students.int8.of",
        "no such model",
        "one of: student/small, control/small",
        "`student/small`",
    ),
    "quantized from two models": (
        ("student: small", "student: small\n      of: control/small"),
        "quantized_students.int8.of",
        "stands beside `student`",
        "'control/small' (text)",
        "`of` alone",
    ),
    "quantized from a number": (
        ("student: small", "of: 3"),
        "quantized_students.int8.of",
        "3 (a number)",
        "text",
    ),
}
