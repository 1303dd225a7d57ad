"""ONNX operators that move, select or sum up values, and those that compute shapes, as functions of torch.

Shapes are computed on the processor, wherever the values lie.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from onnx import helper
from torch import Tensor
from torch.nn import functional

Attributes = Mapping[str, Any]
_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _reshape(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    kept = 0 if not a.get("allowzero", 0) else None
    return x.reshape([x.shape[axis] if size == kept else size for axis, size in enumerate(_whole(shape))])


def _flatten(a: Attributes, x: Tensor) -> Tensor:
    axis = a.get("axis", 1) % max(x.dim(), 1)
    return x.flatten(axis) if axis == 1 else x.reshape(x.shape[:axis].numel(), -1)


def _transpose(a: Attributes, x: Tensor) -> Tensor:
    return x.permute(a.get("perm", list(reversed(range(x.dim())))))


def _squeeze(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(_whole(axes)))


def _unsqueeze(a: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    dimensions = x.dim() + axes.numel()
    for axis in sorted(each % dimensions for each in _whole(axes)):
        x = x.unsqueeze(axis)
    return x


def _concat(a: Attributes, *parts: Tensor) -> Tensor:
    return torch.cat(parts, dim=a["axis"])


def _split(a: Attributes, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = a.get("axis", 0)
    if sizes is None:
        return x.split(-(-x.shape[axis] // a["num_outputs"]), dim=axis)
    return x.split(_whole(sizes), dim=axis)


def _slice(
    a: Attributes, x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None
) -> Tensor:
    count = starts.numel()
    along = list(range(count)) if axes is None else _whole(axes)
    strides = [1] * count if steps is None else _whole(steps)
    for axis, start, end, step in zip(along, _whole(starts), _whole(ends), strides, strict=True):
        rows = range(x.shape[axis])[start:end:step]
        x = x.index_select(axis % x.dim(), torch.tensor(rows, dtype=torch.int64, device=x.device))
    return x


def _gather(a: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    axis = a.get("axis", 0) % x.dim()
    rows = (indices % x.shape[axis]).to(x.device).long()
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return x.index_select(axis, rows.flatten()).reshape(shape)


def _expand(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, tuple(_whole(shape))))


def _tile(a: Attributes, x: Tensor, repeats: Tensor) -> Tensor:
    return x.repeat(_whole(repeats))


def _pad(a: Attributes, x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None) -> Tensor:
    along = list(range(x.dim())) if axes is None else [axis % x.dim() for axis in _whole(axes)]
    sides = dict(zip(along, zip(_whole(pads)[: len(along)], _whole(pads)[len(along) :], strict=True), strict=True))
    mode = _MODES[a.get("mode", "constant")]
    # torch pads the last axes, all of them up to the first that grows; other modes take the last two or three alone.
    first = min((axis for axis, ends in sides.items() if any(ends)), default=x.dim())
    pairs = [end for axis in reversed(range(first, x.dim())) for end in sides.get(axis, (0, 0))]
    if mode == "constant":
        return functional.pad(x, pairs, value=0.0 if value is None else value.item())
    return functional.pad(x, pairs, mode=mode)


def _depth_to_space(a: Attributes, x: Tensor) -> Tensor:
    block = a["blocksize"]
    if a.get("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(x, block)
    samples, channels, height, width = x.shape
    blocks = x.reshape(samples, block, block, channels // block**2, height, width)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(samples, channels // block**2, height * block, width * block)


def _axes(x: Tensor, axes: Tensor | None) -> tuple[int, ...]:
    return tuple(range(x.dim())) if axes is None or axes.numel() == 0 else tuple(_whole(axes))


def _of_axes(function: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> Callable[..., Tensor]:
    def reduced(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        return function(x, _axes(x, axes), bool(a.get("keepdims", 1)))

    return reduced


def _norm(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    return torch.linalg.vector_norm(x, dim=axes, keepdim=kept)  # pyright: ignore[reportUnknownMemberType]


def _identity(a: Attributes, x: Tensor) -> Tensor:
    return x


def _shape(a: Attributes, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[a.get("start", 0) : a.get("end")], dtype=torch.int64)


def _cast(a: Attributes, x: Tensor) -> Tensor:
    dtype = helper.tensor_dtype_to_np_dtype(a["to"])
    return x.to(getattr(torch, dtype.name if dtype.name != "bool" else "bool"))


def _range(a: Attributes, start: Tensor, limit: Tensor, step: Tensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), step.item(), dtype=start.dtype)


def _constant_of_shape(a: Attributes, shape: Tensor) -> Tensor:
    value = torch.as_tensor(a["value"]) if "value" in a else torch.zeros(1)
    return value.expand(_whole(shape))


def _where(a: Attributes, condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(condition, yes, no)


def _whole(values: Tensor) -> list[int]:
    found: Sequence[int] | int = values.tolist()  # pyright: ignore[reportUnknownMemberType]
    return [found] if isinstance(found, int) else list(found)


OPERATORS: Mapping[str, Callable[..., Tensor | tuple[Tensor, ...]]] = {
    "Identity": _identity,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "DepthToSpace": _depth_to_space,
    "ReduceMean": _of_axes(lambda x, axes, kept: x.mean(axes, kept)),
    "ReduceSum": _of_axes(lambda x, axes, kept: x.sum(axes, kept)),
    "ReduceMax": _of_axes(lambda x, axes, kept: x.amax(axes, kept)),
    "ReduceMin": _of_axes(lambda x, axes, kept: x.amin(axes, kept)),
    "ReduceL2": _of_axes(_norm),
    "Shape": _shape,
    "Cast": _cast,
    "Range": _range,
    "ConstantOfShape": _constant_of_shape,
    "Where": _where,
}
