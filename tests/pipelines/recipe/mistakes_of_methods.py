"""Mistakes in what a recipe says of how a student is quantized; see `mistakes`."""

_CALIBRATION = "calibration: {method: minmax, samples: 64}"


def _method(text: str) -> tuple[str, str]:
    return (_CALIBRATION, f"{_CALIBRATION}\n      method: {{{text}}}")


METHODS = {
    "unknown method of quantization": (
        _method("type: lsqq, epochs: 2"),
        "quantized_students.int8.method.type",
        "'lsqq' (text)",
        "`lsq`",
    ),
    "a method without its type": (
        _method("epochs: 2"),
        "quantized_students.int8.method.type",
        "missing",
        "one of: calibrated, lsq",
    ),
    "a method without a loss": (
        _method("type: lsq, epochs: 2, learning_rate: 0.001"),
        "quantized_students.int8.method.loss",
        "missing",
        "a map with `type`",
    ),
    "a method of no epochs": (
        _method("type: lsq, epochs: 0, learning_rate: 0.001, loss: {type: kd}"),
        "quantized_students.int8.method.epochs",
        "0 (a number)",
        "at least 1",
    ),
    "a method whose loss needs the teacher": (
        _method("type: lsq, epochs: 2, learning_rate: 0.001, loss: {type: relational}"),
        "quantized_students.int8.method.loss.type",
        "'relational' (text)",
        "a loss on stored soft labels, such as kd",
    ),
    "a method that weighs classes in vain": (
        _method("type: lsq, epochs: 2, learning_rate: 0.001, class_weights: balanced, loss: {type: function_matching}"),
        "quantized_students.int8.method.class_weights",
        "'balanced' (text)",
        "`uniform` with the loss function_matching",
    ),
    "epochs of a method that learns nothing": (
        _method("type: calibrated, epochs: 2"),
        "quantized_students.int8.method.epochs",
        "unknown key",
        "one of: type",
    ),
}
