"""Floating-point operations of the operators that a profile names, and operators summed up by name."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Shape = Sequence[int]
_PRODUCTS = {"aten::mm": 0, "aten::bmm": 0, "aten::addmm": 1, "aten::baddbmm": 1, "aten::linear": 0}


@dataclass(frozen=True)
class Call:
    """One call of an operator.

    seconds     its own time, without that of operators that it calls
    operations  multiplications and additions, two a product; 0 of what multiplies no matrices
    """

    name: str
    seconds: float
    operations: float


@dataclass(frozen=True)
class Operator:
    """All calls of one operator.

    share          of the time of all operators, in [0, 1]
    of_peak        operations a second over those of a matrix product on the same device; None where it multiplies none
    """

    name: str
    calls: int
    seconds: float
    share: float
    operations: float
    of_peak: float | None


def dearest(calls: Iterable[Call], peak: float) -> tuple[Operator, ...]:
    """Operators by their time, the dearest first; `peak` is operations a second."""
    summed: dict[str, list[float]] = {}
    for call in calls:
        entry = summed.setdefault(call.name, [0, 0.0, 0.0])
        entry[0] += 1
        entry[1] += call.seconds
        entry[2] += call.operations
    total = sum(seconds for _, seconds, _ in summed.values()) or 1.0
    found = [
        Operator(
            name,
            int(count),
            seconds,
            seconds / total,
            operations,
            operations / seconds / peak if operations and seconds and peak else None,
        )
        for name, (count, seconds, operations) in summed.items()
    ]
    return tuple(sorted(found, key=lambda operator: (-operator.seconds, operator.name)))


def of_product(name: str, shapes: Sequence[Shape]) -> float:
    """Operations of one of torch's matrix products, from its inputs' shapes: 2 m k n; 0 of any other operator."""
    first = _PRODUCTS.get(name)
    if first is None or len(shapes) < first + 2 or not shapes[first] or len(shapes[first + 1]) < 2:
        return 0.0
    left, right = shapes[first], shapes[first + 1]
    return 2.0 * math.prod(left) * right[-2 if name == "aten::linear" else -1]


def of_convolution(shapes: Sequence[Shape], values: Sequence[Any]) -> float:
    """Operations of `aten::convolution` or `aten::convolution_backward`, from its inputs' shapes and other inputs.

    Two for every weight that an element of the result is made with; backwards as many for each of the gradients of
    input and weight that is asked for. Of a transposed one, for every element of the input.
    """
    if len(values) == 11:  # backwards: grad_output, input, weight, bias sizes, stride, ..., transposed, ..., mask
        made, seen, weight, transposed, mask = shapes[0], shapes[1], shapes[2], values[7], values[10]
        passes = sum(map(bool, mask[:2])) if isinstance(mask, Sequence) else 2
    else:
        seen, weight, transposed, passes = shapes[0], shapes[1], values[6], 1
        made = seen if transposed else _output(seen, weight, values)
    swept = seen if transposed else made
    return 2.0 * passes * math.prod(swept) * math.prod(weight[1:])


def _output(seen: Shape, weight: Shape, values: Sequence[Any]) -> list[int]:
    stride, padding, dilation = values[3:6]
    axes = range(len(weight) - 2)
    sizes = [
        (seen[2 + i] + 2 * _at(padding, i) - _at(dilation, i) * (weight[2 + i] - 1) - 1) // _at(stride, i) + 1
        for i in axes
    ]
    return [seen[0], weight[0], *sizes]


def _at(values: Any, axis: int) -> int:
    return values[axis] if len(values) > 1 else values[0]


def of_node(name: str, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> float:
    """Operations of a node of onnxruntime's, from the shapes of its inputs and outputs; 0 of one without weights."""
    if not outputs or ("Conv" not in name and "MatMul" not in name and "Gemm" not in name):
        return 0.0
    if "Conv" in name:
        weight = next((shape for shape in inputs[1:] if len(shape) >= 3), None)
        return 0.0 if weight is None else 2.0 * math.prod(outputs[0]) * math.prod(weight[1:])
    matrices = [shape for shape in inputs if len(shape) >= 2]
    return 2.0 * math.prod(outputs[0]) * matrices[0][-1] if matrices else 0.0
