"""Mistakes in what a recipe says of targets; see `mistakes`."""

_CALIBRATION = "calibration: {method: minmax, samples: 64}"
_HERE = "quantized_students.int8.targets"


def _stated(text: str, beside: str = "") -> tuple[str, str]:
    return (f"      {_CALIBRATION}", f"      targets: {text}\n{beside}      {_CALIBRATION}")


def _with_bits(text: str) -> tuple[str, str]:
    rest = "      activation_bits: 8\n      per_channel: true\n"
    return (f"      weight_bits: 8\n{rest}", f"      targets: {text}\n      weight_bits: 4\n{rest}")


def _of_wide(target: str) -> tuple[str, str]:
    rest = "      per_channel: true\n"
    return (f"      activation_bits: 8\n{rest}", f"      activation_bits: 16\n      targets: [onnx, {target}]\n{rest}")


TARGETS = {
    "unknown target": (_stated("[onxx]"), f"{_HERE}[0]: unknown", "'onxx' (text)", "did you mean `onnx`?"),
    "unknown target in a map": (_stated("[{type: openvno}]"), f"{_HERE}[0].type", "'openvno' (text)", "`openvino`"),
    "a target without its type": (_stated("[{opset: 17}]"), f"{_HERE}[0].type: missing", "one of: c, onnx, openvino"),
    "a target that is a number": (_stated("[3]"), f"{_HERE}[0]", "3 (a number)", "alone, or as the `type` of a map"),
    "targets that are no list": (
        _stated("onnx"),
        _HERE,
        "'onnx' (text)",
        "a list, each item one of: c, onnx, openvino",
    ),
    "a target twice": (
        _stated("[onnx, ort_mobile, {type: onnx, opset: 18}]"),
        f"{_HERE}[2]: stands twice",
        "a map with the keys type, opset",
        "onnx once for each quantized student",
    ),
    "an option that a target has not": (
        _stated("[{type: ort_mobile, opset: 17}]"),
        f"{_HERE}[0].opset: unknown key",
        "17 (a number)",
        "one of: type",
    ),
    "an opset that is none": (
        _stated("[{type: onnx, opset: 14}]"),
        f"{_HERE}[0].opset: out of range",
        "14 (a number)",
        "at least 15 and at most 21",
    ),
    "a target newer than its model": (
        _stated("[ort_mobile, {type: onnx, opset: 19}]", "      opset: 18\n"),
        f"{_HERE}[1].opset: not possible for this quantized student",
        "19 (a number)",
        "at most 18",
    ),
    "integers of 4 bits in an opset without them": (
        _with_bits("[{type: onnx, opset: 20}]"),
        f"{_HERE}[0].opset: not possible for this quantized student",
        "20 (a number)",
        "`opset: 20` of the quantized student itself",
    ),
    "activations that C code does not compute": (
        _of_wide("c"),
        "quantized_students.int8.activation_bits: not possible with the target c",
        "16 (a number)",
        "4 to 8 with the target c",
    ),
    "activations that WebAssembly does not compute": (
        _of_wide("wasm"),
        "quantized_students.int8.activation_bits: not possible with the target wasm",
        "16 (a number)",
        "4 to 8 with the target wasm",
    ),
    "a target of one's own that is not there": (
        _stated("[appliances.wasm]"),
        f"{_HERE}[0]: no module is named 'appliances.wasm'",
        "'appliances.wasm' (text)",
        "a module that Python finds",
    ),
}
