"""The C functions of a program's operations."""

from collections.abc import Sequence

import numpy as np

from compression_ops.c_code import convolution_kernel
from compression_ops.c_code.layout import Layout, Place
from compression_ops.c_code.program import (
    PIXELS,
    Addition,
    AveragePool,
    Convolution,
    MaxPool,
    Operation,
    Program,
    Table,
    Window,
)
from compression_ops.c_code.text import array, at, block, border, each_pixel, function, loop, settings, signature

REQUANTIZED = """\
static inline uint8_t requantized(int32_t sum, int32_t multiplier, int64_t offset, int64_t low, int64_t high, int shift)
{
    int64_t value = (int64_t)sum * multiplier + offset;
    value = value < low ? low : value;
    value = value > high ? high : value;
    return (uint8_t)((uint64_t)value >> shift);
}"""
# Shifted as a number that is not negative: C99 leaves the shift of others to the compiler.
LOGIT = """\
static inline int32_t logit(int32_t sum, int32_t multiplier, int shift)
{
    const int64_t above = (int64_t)1 << 62;
    const int64_t value = (int64_t)sum * multiplier + ((int64_t)1 << (shift - 1)) + above;
    return (int32_t)((int64_t)((uint64_t)value >> shift) - (above >> shift));
}"""
UNPACK = """\
static inline void add_part(const uint8_t *restrict stored, int8_t *restrict weights, int bytes, int width, int below)
{
    for (int part = 0; part < 8 / width; part++) {
        for (int i = 0; i < bytes; i++) {
            const int value = (stored[i] >> (part * width)) & ((1 << width) - 1);
            weights[part * bytes + i] = (int8_t)(weights[part * bytes + i] + value * (1 << below));
        }
    }
}"""


def printed(program: Program, layout: Layout, position: int) -> list[str]:
    """The constants and the function `layer_<position>` of one operation."""
    operation = program.operations[position]
    target = None if operation.target is None else layout.places[operation.target]
    match operation:
        case Table():
            return _table(program, layout, position, operation)
        case Convolution():
            return convolution_kernel.printed(
                layout.places[operation.source], target, layout.weights[position], position, operation
            )
        case MaxPool():
            return _max_pool(layout.places[operation.source], _there(target), position, operation)
        case AveragePool():
            return _average_pool(layout.places[operation.source], _there(target), position, operation)
        case Addition():
            places = layout.places[operation.first], layout.places[operation.second], _there(target)
            return _addition(*places, position, operation)


def call(layout: Layout, position: int, operation: Operation) -> str:
    """The statement that runs it."""
    given = [_source(layout, each, operation) for each in _read(operation)]
    given.append("logits" if operation.target is None else f"memory + {layout.places[operation.target].offset}")
    if position in layout.scratch:
        given.append(f"memory + {layout.scratch[position]}")
    return f"layer_{position}({', '.join(given)});"


def is_identity(operation: Table) -> bool:
    """Whether each byte stays as it is, so that there is no table in C."""
    return bool((operation.tables == np.arange(256)).all())


def _there(place: Place | None) -> Place:
    assert place is not None
    return place


def _read(operation: Operation) -> tuple[int, ...]:
    return (operation.first, operation.second) if isinstance(operation, Addition) else (operation.source,)


def _source(layout: Layout, index: int, operation: Operation) -> str:
    if index == PIXELS:
        return "pixels"
    place = layout.places[index]
    above, left = operation.window.before if isinstance(operation, Convolution) else (0, 0)
    return f"memory + {place.offset + place.origin(above, left)}"


def _table(program: Program, layout: Layout, position: int, operation: Table) -> list[str]:
    target = layout.places[operation.target]
    channels, height, width = target.tensor.channels, target.tensor.height, target.tensor.width
    rows = len(operation.tables)
    identity = is_identity(operation)
    if operation.source == PIXELS:
        # An image is channels first.
        source = f"source[c * {height * width} + y * {width} + x]"
    else:
        source = f"source[y * {layout.places[operation.source].row} + x * {channels} + c]"
    value = source if identity else f"table_{position}[{'c * 256 + ' if rows > 1 else ''}{source}]"
    body = [*border(target), *each_pixel(target, loop("c", channels, [f"pixel[c] = {value};"]))]
    constants = [] if identity else array(f"uint8_t table_{position}[{256 * rows}]", operation.tables.ravel().tolist())
    return [*constants, *function(signature(position, ["source"]), body)]


def _windowed(source: Place, window: Window, body: Sequence[str]) -> list[str]:
    """For each pixel under a window, `from`."""
    down, across = (f"{axis} * {step}" for axis, step in zip("yx", window.strides, strict=True))
    rows, columns = f"{down} + r * {window.dilations[0]}", f"{across} + s * {window.dilations[1]}"
    lines = [f"const int row = {rows} - {window.before[0]};", f"const int column = {columns} - {window.before[1]};"]
    inside = f"row >= 0 && row < {source.tensor.height} && column >= 0 && column < {source.tensor.width}"
    pixel = [f"const uint8_t *from = source + row * {source.row} + column * {source.tensor.channels};", *body]
    padded = any((*window.before, *window.after))
    lines += block(f"if ({inside})", pixel) if padded else pixel
    return loop("r", window.size[0], loop("s", window.size[1], lines))


def _max_pool(source: Place, target: Place, position: int, layer: MaxPool) -> list[str]:
    channels = source.tensor.channels
    largest = loop("c", channels, ["pixel[c] = from[c] > pixel[c] ? from[c] : pixel[c];"])
    body = [*loop("c", channels, ["pixel[c] = 0;"]), *_windowed(source, layer.window, largest)]
    return function(signature(position, ["source"]), [*border(target), *each_pixel(target, body)])


def _average_pool(source: Place, target: Place, position: int, layer: AveragePool) -> list[str]:
    channels = source.tensor.channels
    value = f"requantized(sums[c], {layer.output.multipliers.item()}, {settings(layer.output)})"
    body = [
        f"int32_t sums[{channels}];",
        *loop("c", channels, [f"sums[c] = {layer.bias};"]),
        *_windowed(source, layer.window, loop("c", channels, ["sums[c] += from[c];"])),
        *loop("c", channels, [f"pixel[c] = {value};"]),
    ]
    return function(signature(position, ["source"]), [*border(target), *each_pixel(target, body)])


def _addition(first: Place, second: Place, target: Place, position: int, layer: Addition) -> list[str]:
    low, high = layer.low << layer.shift, layer.high << layer.shift
    sources = [at(name, place) for name, place in (("first", first), ("second", second))]
    body = [
        f"const uint8_t *a = {sources[0]};",
        f"const uint8_t *b = {sources[1]};",
        *loop(
            "c",
            target.tensor.channels,
            [
                f"int32_t value = a[c] * {layer.multipliers[0]} + b[c] * {layer.multipliers[1]} + {layer.offset};",
                f"value = value < {low} ? {low} : value;",
                f"value = value > {high} ? {high} : value;",
                f"pixel[c] = (uint8_t)(value >> {layer.shift});",
            ],
        ),
    ]
    return function(signature(position, ["first", "second"]), [*border(target), *each_pixel(target, body)])
