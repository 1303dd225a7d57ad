"""Mistakes in what a recipe says of how a student is quantized; see `mistakes`."""

_CALIBRATION = "calibration: {method: minmax, samples: 64}"


def _method(text: str) -> tuple[str, str]:
    return (_CALIBRATION, f"{_CALIBRATION}\n      method: {{{text}}}")


def _learning(field: str) -> tuple[str, str]:
    before, after = _method("type: lsq, epochs: 2, learning_rate: 0.001, loss: {type: kd}")
    return (before, f"{field}\n      {after}")


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
    "learned rounding of steps that are learned with the nearest integer": (
        _learning("rounding: adaround"),
        "quantized_students.int8.rounding",
        "'adaround' (text)",
        "`nearest` with the method lsq",
    ),
    "a correction of biases that are learned": (
        _learning("bias_correction: true"),
        "quantized_students.int8.bias_correction",
        "true (true/false)",
        "`false` with the method lsq",
    ),
    "epochs of a method that learns nothing": (
        _method("type: calibrated, epochs: 2"),
        "quantized_students.int8.method.epochs",
        "unknown key",
        "one of: type",
    ),
}
