"""The C function of a convolution: one place after another, the sums of all filters there, and their bytes."""

import itertools

from compression_ops.c_code import packing
from compression_ops.c_code.layout import Place, Weights
from compression_ops.c_code.program import Convolution, LogitScale, Requantization
from compression_ops.c_code.text import array, at, border, function, loop, settings, signature


def printed(source: Place, target: Place | None, weights: Weights, position: int, layer: Convolution) -> list[str]:
    unpacks = layer.bits < packing.BYTE
    filters = len(layer.bias)
    output = layer.output
    lines = array(
        f"{'uint8_t' if unpacks else 'int8_t'} weights_{position}[{weights.rows.size}]", weights.rows.ravel().tolist()
    )
    lines += array(f"int32_t bias_{position}[{filters}]", _int32(layer.bias.tolist()))
    lines += array(f"int32_t multipliers_{position}[{filters}]", output.multipliers.tolist())
    height, width = layer.window.positions(source.tensor.height, source.tensor.width)
    row = [] if weights.patches == 0 else _patches(source, weights, layer, width)
    sums = _by_input(source, position, layer) if weights.by_input else _by_filter(source, weights, position, layer)
    place = [f"int32_t sums[{weights.block}];", *sums, *_output(target, output, position, weights.block)]
    body = loop("y", height, [*row, *loop("x", width, place)])
    body = _unpacking(weights, position, layer.bits) + body if unpacks else _named(weights, position) + body
    body = loop("first", filters, body, step=weights.block)
    head = signature(
        position,
        ["source"],
        "int32_t *restrict target" if target is None else "uint8_t *restrict target",
        scratch=weights.patches + weights.unpacked > 0,
    )
    return [*lines, *function(head, [*([] if target is None else border(target)), *body])]


def _int32(values: list[int]) -> list[str]:
    """-2^31 has no literal of its own in C."""
    return ["(-2147483647 - 1)" if value == -(2**31) else str(value) for value in values]


def _named(weights: Weights, position: int) -> list[str]:
    start = "" if weights.by_input else f" + first * {weights.length}"
    return [f"const int8_t *weights = weights_{position}{start};"]


def _unpacking(weights: Weights, position: int, bits: int) -> list[str]:
    """Into what of the scratch lies behind the patches."""
    lines = [f"int8_t *weights = (int8_t *)(scratch + {weights.patches});"]
    stored = weights.rows.shape[1]
    of_row = [f"for (int i = 0; i < {weights.length}; i++) {{", f"    row[i] = {-(2 ** (bits - 1))};", "}"]
    start = 0
    for width, below in packing.parts(bits):
        count = weights.length * width // packing.BYTE
        of_row.append(f"add_part(stored + {start}, row, {count}, {width}, {below});")
        start += count
    count = 1 if weights.by_input else weights.block
    row = [
        f"const uint8_t *stored = weights_{position} + (first + o) * {stored};",
        f"int8_t *row = weights + o * {weights.length};",
        *of_row,
    ]
    return [*lines, *loop("o", count, row)]


def _patches(source: Place, weights: Weights, layer: Convolution, width: int) -> list[str]:
    """The windows of one row of places, each in a row of its own."""
    window, channels = layer.window, layer.weights.shape[3]
    columns = window.size[1]
    group = "" if layer.groups == 1 else f" + first / {len(layer.bias) // layer.groups} * {channels}"
    start = f"{at('source', source, f'y * {window.strides[0]}', f'x * {window.strides[1]}')}{group}"
    if layer.groups == 1 and window.dilations[1] == 1:
        copy = loop("i", columns * channels, ["patch[i] = from[i];"])
        lines = [f"const uint8_t *from = window + r * {window.dilations[0] * source.row};"]
        lines += [f"uint8_t *patch = patches + x * {weights.length} + r * {columns * channels};", *copy]
    else:
        pixel = f"r * {window.dilations[0] * source.row} + s * {window.dilations[1] * source.tensor.channels}"
        lines = loop(
            "s",
            columns,
            [
                f"const uint8_t *from = window + {pixel};",
                f"uint8_t *patch = patches + x * {weights.length} + (r * {columns} + s) * {channels};",
                *loop("i", channels, ["patch[i] = from[i];"]),
            ],
        )
    rows = loop("r", window.size[0], lines)
    return ["uint8_t *patches = scratch;", *loop("x", width, [f"const uint8_t *window = {start};", *rows])]


def _by_filter(source: Place, weights: Weights, position: int, layer: Convolution) -> list[str]:
    strides = layer.window.strides
    window = (
        f"patches + x * {weights.length}"
        if weights.patches
        else at("source", source, f"y * {strides[0]}", f"x * {strides[1]}")
    )
    # Several at a time, for which the window is read once.
    together = next(count for count in (4, 2, 1) if weights.block % count == 0)
    length, each = weights.length, range(together)
    product = [
        f"const int8_t *row = weights + o * {length};",
        *(f"int32_t sum_{k} = bias_{position}[first + o + {k}];" for k in each),
        *loop("i", length, [f"sum_{k} += window[i] * row[{k * length} + i];" for k in each]),
        *(f"sums[o + {k}] = sum_{k};" for k in each),
    ]
    return [f"const uint8_t *window = {window};", *loop("o", weights.block, product, step=together)]


def _by_input(source: Place, position: int, layer: Convolution) -> list[str]:
    """All products of a filter in one expression: compilers compute it for a vector of filters, sums in registers."""
    rows, columns = layer.window.size
    filters, channels = len(layer.bias), layer.weights.shape[3]
    down, across = layer.window.dilations[0] * source.row, layer.window.dilations[1] * source.tensor.channels
    own = " + o" if layer.groups > 1 else ""
    terms = [
        f" + window[{r * down + s * across + c}{own}] * weights[{((r * columns + s) * channels + c) * filters} + o]"
        for r, s, c in itertools.product(range(rows), range(columns), range(channels))
    ]
    strides = layer.window.strides
    return [
        f"const uint8_t *window = {at('source', source, f'y * {strides[0]}', f'x * {strides[1]}')};",
        *loop(
            "o", filters, [f"sums[o] = bias_{position}[o]", *(f"   {term}" for term in terms[:-1]), f"   {terms[-1]};"]
        ),
    ]


def _output(target: Place | None, output: Requantization | LogitScale, position: int, count: int) -> list[str]:
    if target is None or isinstance(output, LogitScale):
        value = f"logit(sums[o], multipliers_{position}[first + o], {output.shift})"
        return loop("o", count, [f"target[first + o] = {value};"])
    value = f"requantized(sums[o], multipliers_{position}[first + o], {settings(output)})"
    pixel = f"uint8_t *pixel = {at('target', target, origin=target.origin())} + first;"
    return [pixel, *loop("o", count, [f"pixel[o] = {value};"])]
