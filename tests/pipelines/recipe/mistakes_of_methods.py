"""Mistakes in what a recipe says of how a student is quantized; see `mistakes`."""

_CALIBRATION = "calibration: {method: minmax, samples: 64}"


def _method(text: str) -> tuple[str, str]:
    return (_CALIBRATION, f"{_CALIBRATION}\n      method: {{{text}}}")


def _learning(field: str) -> tuple[str, str]:
    before, after = _method("type: lsq, epochs: 2, learning_rate: 0.001, loss: {type: kd}")
    return (before, f"{field}\n      {after}")


def _choosing(bits: int) -> tuple[str, str]:
    rest = "      activation_bits: 8\n      per_channel: true\n      "
    before, after = _method("type: automatic, max_accuracy_drop: 0.5")
    return (f"weight_bits: 8\n{rest}{before}", f"weight_bits: {bits}\n{rest}{after}")


def _percentile(text: str) -> tuple[str, str]:
    return (_CALIBRATION, f"calibration: {{method: percentile, {text}}}")


_OF_PERCENTILE = "quantized_students.int8.calibration.percentile: "
METHODS = {
    "a field that is called as its method": (
        _percentile("percentile: 0"),
        f"{_OF_PERCENTILE}out",
        "0 (a number)",
        "more",
    ),
    "text in a field that is called as its method": (
        _percentile("percentile: '99.9'"),
        f"{_OF_PERCENTILE}not allowed",
        "'99.9' (text)",
        "a number, more than 50 and at most 100",
    ),
    "another key in a method with a field of its name": (
        _percentile("percentil: 99.9"),
        "quantized_students.int8.calibration.percentil: unknown key",
        "99.9 (a number)",
        "did you mean `percentile`?",
    ),
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
        "one of: automatic, calibrated, lsq",
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
    "bits that are chosen, without a bound": (
        _method("type: automatic"),
        "quantized_students.int8.method.max_accuracy_drop",
        "missing",
        "a number, at least 0 and at most 100",
    ),
    "bits that are chosen for something else": (
        _method("type: automatic, max_accuracy_drop: 0.5, minimize: energy"),
        "quantized_students.int8.method.minimize",
        "'energy' (text)",
        "one of: bytes, latency",
    ),
    "a batch where nothing is timed": (
        _method("type: automatic, max_accuracy_drop: 0.5, batch_size: 8"),
        "quantized_students.int8.method.batch_size",
        "useless",
        "a field of `minimize: latency`",
    ),
    "a gain that is no share": (
        _method("type: automatic, max_accuracy_drop: 0.5, minimize: latency, min_gain: -1"),
        "quantized_students.int8.method.min_gain",
        "-1 (a number)",
        "at least 0",
    ),
    "no models to choose bits by": (
        _method("type: automatic, max_accuracy_drop: 0.5, max_models: 0"),
        "quantized_students.int8.method.max_models",
        "0 (a number)",
        "at least 1",
    ),
    "a bound that is no number of points": (
        _method("type: automatic, max_accuracy_drop: 101"),
        "quantized_students.int8.method.max_accuracy_drop",
        "101 (a number)",
        "at most 100",
    ),
    "bits that are stated and chosen": (
        _choosing(4),
        "quantized_students.int8.weight_bits",
        "4 (a number)",
        "no `weight_bits`: the method automatic chooses them; or no `method`",
    ),
    "epochs of a method that learns nothing": (
        _method("type: calibrated, epochs: 2"),
        "quantized_students.int8.method.epochs",
        "unknown key",
        "one of: type",
    ),
}
