"""Operators of several inputs or places: convolution, linear layer, pooling, addition."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from compression_ops.c_code import fixed_point
from compression_ops.c_code.building import Building, Pending, Real, Value, Weight, dequantized, quantized, refused
from compression_ops.c_code.functions import table
from compression_ops.c_code.program import SAMPLE, Addition, AveragePool, Convolution, Joining, MaxPool, Tensor, Window
from compression_ops.errors import ModelError

_ANY_BIAS = 2**40  # beyond what 32 bits hold, which is refused, and within what a cast takes


@dataclass(frozen=True)
class _Layer:
    """weights  int64 [filters, rows, columns, channels / groups]; scales float32 [filters]"""

    label: str
    source: int
    window: Window
    groups: int
    weights: NDArray[np.int64]
    bits: int
    scales: NDArray[np.float32]
    bias: NDArray[np.int64]


def convolution(
    building: Building, node: onnx.NodeProto, attributes: Mapping[str, Any], label: str, given: Sequence[Value | None]
) -> Pending:
    """A convolution of a quantized tensor with quantized weights."""
    source, weight = _operands(building, label, given)
    shape = weight.integers.shape
    if len(shape) not in (3, 4) or (weight.axis != 0 and weight.scales.size > 1) or source.flat:
        raise refused(
            building, label, f"has weights of shape {list(shape)}; allowed is a 1d or 2d convolution of channels"
        )
    window = _window(building, {"kernel_shape": shape[2:]} | dict(attributes), label)
    scales = np.broadcast_to(weight.scales, len(weight.integers))
    bias = _bias(building, node, label, given, source, scales)
    weights = weight.integers.reshape(*shape[:2], *window.size).transpose(0, 2, 3, 1)
    return _pending(
        building, _Layer(label, source.tensor, window, attributes.get("group", 1), weights, weight.bits, scales, bias)
    )


def linear(
    building: Building, node: onnx.NodeProto, attributes: Mapping[str, Any], label: str, given: Sequence[Value | None]
) -> Pending:
    """A matrix product with quantized weights, as the convolution whose kernel is the whole tensor."""
    source, weight = _operands(building, label, given)
    factors = [attributes.get(name, 1.0) for name in ("alpha", "beta")]
    if weight.integers.ndim != 2 or not source.flat or attributes.get("transA", 0) or factors != [1.0, 1.0]:
        raise refused(
            building,
            label,
            f"multiplies by weights of shape {list(weight.integers.shape)} with factors {factors}; allowed "
            "are [inputs, outputs] with none, after a Flatten",
        )
    transposed = bool(attributes.get("transB", 0))
    if weight.scales.size > 1 and weight.axis % 2 != (0 if transposed else 1):
        raise refused(building, label, "has a scale for each input; allowed is one for each output")
    matrix = weight.integers if transposed else weight.integers.T
    height, width, channels = building.tensors[source.tensor].shape
    scales = np.broadcast_to(weight.scales, len(matrix))
    bias = _bias(building, node, label, given, source, scales)
    weights = matrix.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    layer = _Layer(label, source.tensor, Window((height, width)), 1, weights, weight.bits, scales, bias)
    return _pending(building, layer, flat=True)


def pool(
    building: Building, node: onnx.NodeProto, attributes: Mapping[str, Any], label: str, given: Value | None
) -> Pending:
    """The largest or the mean of each window of a quantized tensor."""
    if not isinstance(given, Real) or not given.plain or given.tensor == SAMPLE:
        raise refused(building, label, "works on floats")
    if given.flat or given.by_place:
        raise refused(building, label, "works on what has no channels first")
    tensor = building.tensors[given.tensor]
    whole = node.op_type == "GlobalAveragePool"
    window = Window((tensor.height, tensor.width)) if whole else _window(building, attributes, label)
    if attributes.get("ceil_mode", 0) or attributes.get("storage_order", 0) or len(node.output) > 1:
        raise refused(building, label, "has a ceil_mode, or gives indices; allowed is neither")
    if node.op_type != "MaxPool" and (any(window.before + window.after) or window.dilations != (1, 1)):
        raise refused(building, label, "is an average with paddings or dilations; allowed is one without")
    height, width = window.positions(tensor.height, tensor.width)
    shape = tensor.channels, height, width

    def largest(scale: float, zero_point: int) -> int:
        target = building.tensor(Tensor(*shape, tensor.scale, tensor.zero_point, tensor.high))
        building.add(MaxPool(label, given.tensor, target, window))
        if (scale, zero_point) == (tensor.scale, tensor.zero_point):
            return target
        values = dequantized(tensor.scale, tensor.zero_point)
        return table(building, target, quantized(values, scale, zero_point), (scale, zero_point), label)

    def mean(scale: float, zero_point: int) -> int:
        count = math.prod(window.size)
        output = fixed_point.requantization(np.array([tensor.scale / (scale * count)]), zero_point, label)
        target = building.tensor(Tensor(*shape, scale, zero_point))
        building.add(AveragePool(label, given.tensor, target, window, -count * tensor.zero_point, output))
        return target

    return Pending(label, largest if node.op_type == "MaxPool" else mean)


def addition(building: Building, label: str, given: Sequence[Value | None]) -> Pending:
    """The sum of two quantized tensors of one shape."""
    first, second = (each for each in given if isinstance(each, Real))
    one, other = building.tensors[first.tensor], building.tensors[second.tensor]
    if not (first.plain and second.plain) or one.shape != other.shape or _axes(first) != _axes(second):
        raise refused(
            building, label, f"adds {one.shape} and {other.shape}; allowed are quantized tensors of one shape"
        )

    def finish(scale: float, zero_point: int) -> int:
        multipliers, shift, offset = fixed_point.addition(
            (one.scale / scale, other.scale / scale), (one.zero_point, other.zero_point), zero_point, label
        )
        target = building.tensor(Tensor(one.channels, one.height, one.width, scale, zero_point))
        building.add(Addition(label, first.tensor, second.tensor, target, multipliers, shift, offset))
        return target

    return Pending(label, finish, *_after(first))


def joined(building: Building, attributes: Mapping[str, Any], label: str, given: Sequence[Value | None]) -> Pending:
    """The channels of several quantized tensors of one size, in one scale."""
    parts = [each for each in given if isinstance(each, Real) and each.plain and each.tensor != SAMPLE]
    sizes = {building.tensors[each.tensor].shape[:2] for each in parts}
    if (
        not parts
        or len(parts) != len(given)
        or len(sizes) != 1
        or len(set(map(_axes, parts))) != 1
        or attributes.get("axis") not in _axes_of_channels(parts[0])
    ):
        raise refused(building, label, "joins what are no channels of quantized tensors of one size")

    def finish(scale: float, zero_point: int) -> int:
        def in_scale(index: int) -> int:
            tensor = building.tensors[index]
            if (tensor.scale, tensor.zero_point) == (scale, zero_point):
                return index
            values = dequantized(tensor.scale, tensor.zero_point)
            return table(building, index, quantized(values, scale, zero_point), (scale, zero_point), label)

        sources = tuple(in_scale(each.tensor) for each in parts)
        tensors = [building.tensors[index] for index in sources]
        height, width = tensors[0].height, tensors[0].width
        channels, high = sum(each.channels for each in tensors), max(each.high for each in tensors)
        target = building.tensor(Tensor(channels, height, width, scale, zero_point, high))
        building.add(Joining(label, sources, target))
        return target

    return Pending(label, finish, *_after(parts[0]))


def logits_of_tensor(building: Building, last: Real) -> int:
    """Logits from the bytes of a tensor: each times 1, less the zero point. The bits of their fraction."""
    tensor = building.tensors[last.tensor]
    if (tensor.height, tensor.width) != (1, 1):
        raise ModelError(f"{building.model}: its logits are of shape {tensor.shape}; allowed is one value a class")
    ones = np.ones((tensor.channels, 1, 1, 1), np.int64)
    scales, bias = np.full(tensor.channels, tensor.scale, np.float32), np.zeros(tensor.channels, np.int64)
    layer = _Layer("the logits", last.tensor, Window((1, 1)), tensor.channels, ones, 8, scales, bias)
    pending = _pending(building, layer)
    assert pending.logits is not None
    return pending.logits()


def _pending(building: Building, layer: _Layer, flat: bool = False) -> Pending:
    tensor = building.tensors[layer.source]
    if not -128 <= int(layer.weights.min()) <= int(layer.weights.max()) <= 127:
        raise refused(building, layer.label, "has weights that no signed byte holds, less their zero point")
    weights = np.ascontiguousarray(layer.weights.astype(np.int8))
    bias = layer.bias - tensor.zero_point * layer.weights.reshape(len(weights), -1).sum(axis=1)
    highest = max(tensor.high, tensor.zero_point)
    largest = fixed_point.largest_sums(weights, bias, highest, f"{building.model}: {layer.label}")
    scales = layer.scales.astype(np.float64) * tensor.scale

    def finish(scale: float, zero_point: int) -> int:
        height, width = layer.window.positions(tensor.height, tensor.width)
        output = fixed_point.requantization(scales / scale, zero_point, layer.label)
        target = building.tensor(Tensor(len(weights), height, width, scale, zero_point))
        building.add(
            Convolution(
                layer.label, layer.source, target, layer.window, layer.groups, weights, layer.bits, bias, output
            )
        )
        return target

    def logits() -> int:
        output, bits = fixed_point.logit_scale(scales, largest, layer.label)
        building.add(
            Convolution(layer.label, layer.source, None, layer.window, layer.groups, weights, layer.bits, bias, output)
        )
        return bits

    one_place = layer.window.positions(tensor.height, tensor.width) == (1, 1)
    return Pending(layer.label, finish, logits if one_place else None, flat)


def _axes(real: Real) -> tuple[bool, bool]:
    return real.flat, real.by_place


def _axes_of_channels(real: Real) -> tuple[int, ...]:
    """The ONNX axis of the channels: from the end only where the number of axes is known."""
    if real.by_place:  # [N, places, channels]
        return 2, -1
    return (1, -1) if real.flat else (1,)


def _after(real: Real) -> tuple[None, bool, bool]:
    """Of a Pending that cannot be the logits, its axes."""
    return None, real.flat, real.by_place


def _operands(building: Building, label: str, given: Sequence[Value | None]) -> tuple[Real, Weight]:
    source, weight = given[:2]
    if not isinstance(source, Real) or not source.plain or source.tensor == SAMPLE:
        raise refused(building, label, "takes floats")
    if source.by_place:
        raise refused(building, label, "takes rows that are not transposed to channels first")
    if not isinstance(weight, Weight):
        raise refused(building, label, "has weights that are no constant integers")
    return source, weight


def _bias(
    building: Building,
    node: onnx.NodeProto,
    label: str,
    given: Sequence[Value | None],
    source: Real,
    scales: NDArray[np.float32],
) -> NDArray[np.int64]:
    """In steps of the sums, as onnxruntime rounds it."""
    if len(node.input) < 3 or not node.input[2]:
        return np.zeros(len(scales), np.int64)
    bias = given[2]
    values = (
        bias.integers * bias.scales.astype(np.float64)
        if isinstance(bias, Weight)
        else building.array(node.input[2], label)
    )
    if values.size not in (1, len(scales)):
        raise refused(building, label, f"has a bias of shape {list(values.shape)}; allowed is one value an output")
    step = np.float32(building.tensors[source.tensor].scale) * scales
    steps = np.broadcast_to(values.reshape(-1).astype(np.float64) / step, len(scales))
    return np.rint(np.clip(steps, -_ANY_BIAS, _ANY_BIAS)).astype(np.int64)


def _window(building: Building, attributes: Mapping[str, Any], label: str) -> Window:
    """Of one dimension or of two; one is that of a row."""
    kernel = attributes["kernel_shape"]
    if attributes.get("auto_pad", b"NOTSET") != b"NOTSET" or len(kernel) not in (1, 2):
        raise refused(building, label, "has no paddings in numbers, or is of volumes; allowed are `pads` of 1d and 2d")
    pads = attributes.get("pads", [0] * 2 * len(kernel))
    stated = (
        kernel,
        attributes.get("strides", [1] * len(kernel)),
        attributes.get("dilations", [1] * len(kernel)),
        pads[: len(kernel)],
        pads[len(kernel) :],
    )
    first = (1, 1, 1, 0, 0)  # what a row has in the direction that it lacks
    size, strides, dilations, before, after = (
        (int(each[0]) if len(kernel) == 2 else missing, int(each[-1]))
        for each, missing in zip(stated, first, strict=True)
    )
    return Window(size, strides, before, after, dilations)
