"""ONNX operators as functions of torch, through which gradients flow.

A table rather than a library: onnx2torch has no QuantizeLinear and DequantizeLinear, and its convolutions take no
weight that is computed, as a quantized one is. An operator's meaning is that of the ONNX specification, opset 21.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from compression_ops.quantization.simulation import arrangement

Attributes = Mapping[str, Any]
# Of the attributes and the inputs, of which one that is left out is None.
Operator = Callable[..., Tensor | tuple[Tensor, ...]]

_POOLED = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}


def _padded(a: Attributes, x: Tensor, window: list[int], value: float) -> Tensor:
    """`x` [N, C, ...] with the padding that a convolution or a pooling has around it."""
    dimensions = x.dim() - 2
    begins_ends = list(a.get("pads", [0] * 2 * dimensions))
    strides, dilations = _each(a, "strides", dimensions), _each(a, "dilations", dimensions)
    automatic = a.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        for axis in range(dimensions):
            size, reach = x.shape[axis + 2], (window[axis] - 1) * dilations[axis] + 1
            total = max((-(-size // strides[axis]) - 1) * strides[axis] + reach - size, 0)
            small, large = total // 2, total - total // 2
            ends = (small, large) if automatic == "SAME_UPPER" else (large, small)
            begins_ends[axis], begins_ends[axis + dimensions] = ends
    pairs = [begins_ends[axis + side] for axis in reversed(range(dimensions)) for side in (0, dimensions)]
    return functional.pad(x, pairs, value=value) if any(pairs) else x


def _each(a: Attributes, name: str, dimensions: int) -> list[int]:
    return list(a.get(name, [1] * dimensions))


def _conv(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    dimensions = x.dim() - 2
    strides, dilations = _each(a, "strides", dimensions), _each(a, "dilations", dimensions)
    pads = list(a.get("pads", [0] * 2 * dimensions))
    padding: list[int] = [0] * dimensions
    if a.get("auto_pad", "NOTSET") == "NOTSET" and pads[:dimensions] == pads[dimensions:]:
        padding = pads[:dimensions]
    else:
        x = _padded(a, x, list(weight.shape[2:]), 0.0)
    return _CONVOLUTIONS[dimensions](x, weight, bias, strides, padding, dilations, a.get("group", 1))


def _conv_transpose(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    dimensions = x.dim() - 2
    pads = list(a.get("pads", [0] * 2 * dimensions))
    if pads[:dimensions] != pads[dimensions:] or a.get("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in a:
        raise NotImplementedError("a ConvTranspose whose padding differs from side to side")
    further = a.get("output_padding", [0] * dimensions)
    strides, dilations = _each(a, "strides", dimensions), _each(a, "dilations", dimensions)
    padding = pads[:dimensions]
    return _TRANSPOSED[dimensions](x, weight, bias, strides, padding, further, a.get("group", 1), dilations)


def _gemm(a: Attributes, left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    left = left.t() if a.get("transA", 0) else left
    alpha, beta = a.get("alpha", 1.0), a.get("beta", 1.0)
    if a.get("transB", 0) and alpha == beta == 1 and (bias is None or bias.dim() == 1):
        return functional.linear(left, right, bias)
    product = alpha * (left @ (right.t() if a.get("transB", 0) else right))
    return product if bias is None else product + beta * bias


def _max_pool(a: Attributes, x: Tensor) -> Tensor:
    window, dimensions = list(a["kernel_shape"]), x.dim() - 2
    x = _padded(a, x, window, -torch.inf)
    strides, dilations = _each(a, "strides", dimensions), _each(a, "dilations", dimensions)
    return _POOLED[dimensions](x, window, strides, 0, dilations, ceil_mode=bool(a.get("ceil_mode", 0)))


def _average_pool(a: Attributes, x: Tensor) -> Tensor:
    """The mean of a window; what was padded counts only if `count_include_pad` says so."""
    window, dimensions = list(a["kernel_shape"]), x.dim() - 2
    if a.get("ceil_mode", 0) or dimensions != 2 or set(_each(a, "dilations", dimensions)) != {1}:
        raise NotImplementedError("an AveragePool of another kind than of images, with ceil_mode or dilations")
    strides = _each(a, "strides", dimensions)
    means = functional.avg_pool2d(_padded(a, x, window, 0.0), window, strides)
    if a.get("count_include_pad", 0):
        return means
    counted = functional.avg_pool2d(_padded(a, torch.ones_like(x[:1, :1]), window, 0.0), window, strides)
    return means / counted


def _clip(a: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    x = x if low is None else torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


def _layer_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    axis = a.get("axis", -1) % x.dim()
    normal = functional.layer_norm(x, x.shape[axis:], eps=a.get("epsilon", 1e-5)) * scale
    return normal if bias is None else normal + bias


def _group_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.group_norm(x, a["num_groups"], scale, bias, a.get("epsilon", 1e-5))


def _instance_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.instance_norm(x, weight=scale, bias=bias, eps=a.get("epsilon", 1e-5))


def _batch_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Its statistics stay what they were when the student was trained."""
    shape = [1, -1, *[1] * (x.dim() - 2)]
    factor = scale / torch.sqrt(variance + a.get("epsilon", 1e-5))
    return (x - mean.view(shape)) * factor.view(shape) + bias.view(shape)


def _hard_sigmoid(a: Attributes, x: Tensor) -> Tensor:
    return (a.get("alpha", 0.2) * x + a.get("beta", 0.5)).clamp(0, 1)


def _global_average(a: Attributes, x: Tensor) -> Tensor:
    return x.mean(dim=tuple(range(2, x.dim())), keepdim=True)


def _softmax(a: Attributes, x: Tensor) -> Tensor:
    return functional.softmax(x, dim=a.get("axis", -1))


def _log_softmax(a: Attributes, x: Tensor) -> Tensor:
    return functional.log_softmax(x, dim=a.get("axis", -1))


def _gelu(a: Attributes, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=a.get("approximate", "none"))


def _leaky_relu(a: Attributes, x: Tensor) -> Tensor:
    return functional.leaky_relu(x, a.get("alpha", 0.01))


def _elu(a: Attributes, x: Tensor) -> Tensor:
    return functional.elu(x, a.get("alpha", 1.0))


def _prelu(a: Attributes, x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def _divide(a: Attributes, left: Tensor, right: Tensor) -> Tensor:
    """Of integers, as shapes are made of, the whole part."""
    return left / right if left.is_floating_point() else torch.div(left, right, rounding_mode="trunc")


def _of_one(function: Callable[[Tensor], Tensor]) -> Operator:
    def applied(a: Attributes, x: Tensor) -> Tensor:
        return function(x)

    return applied


def _of_two(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def applied(a: Attributes, left: Tensor, right: Tensor) -> Tensor:
        return function(left, right)

    return applied


def _of_several(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def applied(a: Attributes, *parts: Tensor) -> Tensor:
        return reduce(function, parts)

    return applied


OPERATORS: Mapping[str, Operator] = {
    **arrangement.OPERATORS,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _of_two(torch.matmul),
    "Add": _of_two(torch.add),
    "Sub": _of_two(torch.sub),
    "Mul": _of_two(torch.mul),
    "Div": _divide,
    "Pow": _of_two(torch.pow),
    "Max": _of_several(torch.maximum),
    "Min": _of_several(torch.minimum),
    "Greater": _of_two(torch.gt),
    "Less": _of_two(torch.lt),
    "Equal": _of_two(torch.eq),
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _of_one(lambda x: x.amax(dim=tuple(range(2, x.dim())), keepdim=True)),
    "Clip": _clip,
    "Relu": _of_one(torch.relu),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Elu": _elu,
    "Selu": _of_one(torch.selu),
    "Gelu": _gelu,
    "Erf": _of_one(torch.erf),
    "Sigmoid": _of_one(torch.sigmoid),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _of_one(functional.hardswish),
    "Mish": _of_one(functional.mish),
    "Softplus": _of_one(functional.softplus),
    "Softsign": _of_one(functional.softsign),
    "Tanh": _of_one(torch.tanh),
    "Exp": _of_one(torch.exp),
    "Log": _of_one(torch.log),
    "Sqrt": _of_one(torch.sqrt),
    "Reciprocal": _of_one(torch.reciprocal),
    "Abs": _of_one(torch.abs),
    "Neg": _of_one(torch.neg),
    "Sin": _of_one(torch.sin),
    "Cos": _of_one(torch.cos),
    "Softmax": _softmax,
    "LogSoftmax": _log_softmax,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "BatchNormalization": _batch_norm,
}
