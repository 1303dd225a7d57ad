"""The integers that the C code computes, by NumPy: what the C code is held to, bit for bit, and what is evaluated."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compression_ops.c_code import lowering
from compression_ops.c_code.program import (
    SAMPLE,
    Addition,
    AveragePool,
    Convolution,
    Division,
    Joining,
    MaxPool,
    Operation,
    Program,
    Reading,
    Requantization,
    Table,
    Window,
)

_BATCH = 64


class Predictor:
    """A quantized student's `model.onnx`, computed in integers.

    program        what is computed
    fraction_bits  a logit is its integer / 2^fraction_bits

    Raises ModelError as `lowering.lower` does.
    """

    def __init__(self, model: Path) -> None:
        self.program: Program = lowering.lower(model)
        self.fraction_bits = self.program.fraction_bits

    def __call__(self, samples: NDArray[Any]) -> NDArray[np.int32]:
        """Raw samples, as a dataset holds them, to logits, int32 [N, classes]: uint8 [N, C, H, W], or [N, H, W] of one
        channel; float32 [N, F] of a table; int16 [N, T] of recordings; int64 [N, L] of texts.

        Raises ValueError for samples of another type or shape.
        """
        shape, integers = self.program.description.shape, self.program.taken.integers
        given = samples[:, None] if samples.ndim == len(shape) == 3 else samples
        if given.dtype != np.dtype(integers.raw) or given.shape[1:] != shape:
            noun = self.program.description.modality.noun
            sizes = ", ".join(map(str, shape))
            raise ValueError(
                f"{noun} are {samples.dtype} {list(samples.shape)}; allowed are {integers.raw} [N, {sizes}]"
            )
        starts = range(0, len(given), _BATCH)
        found = [_run(self.program, integers.of(given[start : start + _BATCH])) for start in starts]
        return np.concatenate([np.zeros((0, len(self.program.description.classes)), np.int32), *found])

    def classes(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """The index of each sample's largest logit, the first of equals: int64 [N]."""
        return self(samples).argmax(axis=1)


def _run(program: Program, samples: NDArray[Any]) -> NDArray[np.int32]:
    given = samples.transpose(0, 2, 3, 1) if samples.ndim == 4 else samples  # images, channels last
    values: dict[int | None, NDArray[np.int64]] = {SAMPLE: given.astype(np.int64)}
    for operation in program.operations:
        values[operation.target] = _computed(program, operation, values)
    return values[None].reshape(len(samples), -1).astype(np.int32)


def _computed(program: Program, operation: Operation, values: dict[int | None, NDArray[np.int64]]) -> NDArray[np.int64]:
    """int64 [N, height, width, channels]."""
    match operation:
        case Table():
            source = values[operation.source]
            tables = np.broadcast_to(operation.tables, (source.shape[3], 256))
            return tables[np.arange(source.shape[3]), source].astype(np.int64)
        case Convolution():
            return _rescaled(_sums(program, operation, values[operation.source]), operation)
        case MaxPool():
            return _windows(values[operation.source], operation.window, -1).max(axis=(3, 4))
        case AveragePool():
            sums = _windows(values[operation.source], operation.window, 0).sum(axis=(3, 4))
            return _rescaled(sums + operation.bias, operation)
        case Addition():
            first, second = values[operation.first], values[operation.second]
            total = first * operation.multipliers[0] + second * operation.multipliers[1] + operation.offset
            return np.clip(total >> operation.shift, operation.low, operation.high)
        case Joining():
            return np.concatenate([values[each] for each in operation.joined], axis=3)
        case Division():
            count = (values[SAMPLE] > 0).sum(axis=1)
            multipliers = operation.output.multipliers[count][:, None, None, None]
            return _requantized(values[operation.source] - operation.zero_point, multipliers, operation.output)
        case Reading():
            return operation.computed(values[SAMPLE])


def _windows(source: NDArray[np.int64], window: Window, padding: int) -> NDArray[np.int64]:
    """[N, height, width, channels] -> [N, rows, columns, kernel rows, kernel columns, channels], a view."""
    sides = [(0, 0), *zip(window.before, window.after, strict=True), (0, 0)]
    padded = np.pad(source, sides, constant_values=padding)
    reach = tuple((size - 1) * step + 1 for size, step in zip(window.size, window.dilations, strict=True))
    found = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
    strided = found[:, :: window.strides[0], :: window.strides[1], :, :: window.dilations[0], :: window.dilations[1]]
    return strided.transpose(0, 1, 2, 4, 5, 3)


def _sums(program: Program, layer: Convolution, source: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums of 32 bits. Products are taken in float64, which holds integers up to 2^53, so that no sum is rounded."""
    windows = _windows(source, layer.window, program.tensors[layer.source].zero_point).astype(np.float64)
    count, height, width = windows.shape[:3]
    inputs, filters = layer.weights.shape[3], len(layer.bias) // layer.groups
    weights = layer.weights.astype(np.float64).reshape(layer.groups, filters, -1)
    found = [
        windows[..., group * inputs : (group + 1) * inputs].reshape(count * height * width, -1) @ weights[group].T
        for group in range(layer.groups)
    ]
    sums = np.concatenate(found, axis=1).reshape(count, height, width, -1)
    return sums.astype(np.int64) + layer.bias


def _rescaled(sums: NDArray[np.int64], layer: Convolution | AveragePool) -> NDArray[np.int64]:
    output = layer.output
    if isinstance(output, Requantization):
        return _requantized(sums, output.multipliers, output)
    return (sums * output.multipliers + (1 << (output.shift - 1))) >> output.shift


def _requantized(sums: NDArray[np.int64], multipliers: NDArray[np.int64], to: Requantization) -> NDArray[np.int64]:
    return np.clip((sums * multipliers + to.offset) >> to.shift, to.low, to.high)
