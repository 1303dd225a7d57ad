"""The C functions of a program's operations."""

from collections.abc import Sequence

import numpy as np

from compression_ops.c_code import convolution_kernel
from compression_ops.c_code.layout import Layout, Place
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
    Table,
    Window,
    sources,
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
        case Joining():
            return _joining([layout.places[each] for each in operation.joined], _there(target), position)
        case Division():
            return _division(program, layout.places[operation.source], _there(target), position, operation)
        case Reading():
            return [*operation.printed(position, _there(target))]


def call(program: Program, layout: Layout, position: int, operation: Operation) -> str:
    """The statement that runs it."""
    given = [_source(program, layout, each, operation) for each in sources(operation)]
    memory = _memory(program)
    given.append("logits" if operation.target is None else f"{memory} + {layout.places[operation.target].offset}")
    if position in layout.scratch:
        offset = layout.scratch[position]
        given.append(f"shared.words + {offset // 4}" if isinstance(operation, Reading) else f"{memory} + {offset}")
    return f"layer_{position}({', '.join(given)});"


def has_words(program: Program) -> bool:
    """Whether something needs int32 for itself."""
    return any(isinstance(each, Reading) and each.scratch for each in program.operations)


def _memory(program: Program) -> str:
    return "shared.bytes" if has_words(program) else "memory"


def is_identity(operation: Table) -> bool:
    """Whether each byte stays as it is, so that there is no table in C."""
    return bool((operation.tables == np.arange(256)).all())


def _there(place: Place | None) -> Place:
    assert place is not None
    return place


def _source(program: Program, layout: Layout, index: int, operation: Operation) -> str:
    if index == SAMPLE:
        return program.taken.name
    place = layout.places[index]
    above, left = operation.window.before if isinstance(operation, Convolution) else (0, 0)
    return f"{_memory(program)} + {place.offset + place.origin(above, left)}"


def _table(program: Program, layout: Layout, position: int, operation: Table) -> list[str]:
    target = layout.places[operation.target]
    channels, height, width = target.tensor.channels, target.tensor.height, target.tensor.width
    rows = len(operation.tables)
    identity = is_identity(operation)
    if operation.source == SAMPLE:
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


def _joining(joined: Sequence[Place], target: Place, position: int) -> list[str]:
    body, names, first = list[str](), [f"source_{index}" for index in range(len(joined))], 0
    for name, place in zip(names, joined, strict=True):
        value = f"pixel[{first} + c] = from_{name}[c];"
        body += [f"const uint8_t *from_{name} = {at(name, place)};", *loop("c", place.tensor.channels, [value])]
        first += place.tensor.channels
    return function(signature(position, names), [*border(target), *each_pixel(target, body)])


def _division(program: Program, source: Place, target: Place, position: int, layer: Division) -> list[str]:
    (length,) = program.taken.shape
    constants = array(f"int32_t multipliers_{position}[{length + 1}]", layer.output.multipliers.tolist())
    value = f"requantized(from[c] - {layer.zero_point}, multipliers_{position}[words], {settings(layer.output)})"
    pixels = [f"const uint8_t *from = {at('source', source)};"]
    pixels += loop("c", source.tensor.channels, [f"pixel[c] = {value};"])
    body = ["int words = 0;", *loop("i", length, ["words += tokens[i] > 0;"])]
    head = (
        f"static void layer_{position}(const uint8_t *restrict source, const int32_t *restrict tokens, "
        "uint8_t *restrict target)"
    )
    return [*constants, *function(head, [*border(target), *body, *each_pixel(target, pixels)])]
