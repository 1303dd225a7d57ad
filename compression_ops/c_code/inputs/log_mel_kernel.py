"""The C function of a recording's log-mel energies, to the bit what `log_mel.Integers.of` computes."""

from collections.abc import Sequence

from compression_ops.c_code.inputs.log_mel import LOG, PIECES, TURN, Integers
from compression_ops.c_code.layout import Place
from compression_ops.c_code.text import array, block, border, function, int64, loop

# Shifted as numbers that are not negative: C99 leaves the shift of others to the compiler.
_ROUNDED = """\
static inline int32_t rounded(int64_t value, int shift)
{
    const int64_t above = (int64_t)1 << 62;
    const int64_t sum = value + ((int64_t)1 << (shift - 1)) + above;
    return (int32_t)((int64_t)((uint64_t)sum >> shift) - (above >> shift));
}"""
_HALVES = """\
static void halves(const int32_t *restrict from, int32_t *restrict to, int rest, int stride)
{{
    for (int j = 0; j < rest; j++) {{
        const int32_t cosine = turns_{at}[j * stride], sine = turns_{at}[{size} + j * stride];
        for (int q = 0; q < stride; q++) {{
            const int first = j * stride + q, second = first + {half}, out = first + j * stride;
            const int32_t re = from[first] - from[second];
            const int32_t im = from[{size} + first] - from[{size} + second];
            to[out] = from[first] + from[second];
            to[{size} + out] = from[{size} + first] + from[{size} + second];
            to[out + stride] = rounded((int64_t)re * cosine + (int64_t)im * sine, {turn});
            to[{size} + out + stride] = rounded((int64_t)im * cosine - (int64_t)re * sine, {turn});
        }}
    }}
}}"""
_PARTS = """\
static void parts(const int32_t *restrict from, int32_t *restrict to, int factor, int rest, int stride)
{{
    for (int j = 0; j < rest; j++) {{
        for (int r = 0; r < factor; r++) {{
            for (int q = 0; q < stride; q++) {{
                int64_t re = 0, im = 0;
                int turn = r * j * stride;
                for (int k = 0; k < factor; k++) {{
                    const int at = (k * rest + j) * stride + q;
                    re += (int64_t)from[at] * turns_{at}[turn] + (int64_t)from[{size} + at] * turns_{at}[{size} + turn];
                    im += (int64_t)from[{size} + at] * turns_{at}[turn] - (int64_t)from[at] * turns_{at}[{size} + turn];
                    turn += r * ({size} / factor);
                    turn -= turn >= {size} ? {size} : 0;
                }}
                to[(j * factor + r) * stride + q] = rounded(re, {turn});
                to[{size} + (j * factor + r) * stride + q] = rounded(im, {turn});
            }}
        }}
    }}
}}"""
_LOGARITHM = """\
static int32_t logarithm(uint64_t value)
{{
    int whole = 0;
    for (int step = 32; step > 0; step /= 2) {{
        whole += value >> whole >> step ? step : 0;
    }}
    const uint32_t fraction = (uint32_t)(value << (63 - whole) >> 32) & 0x7fffffffu;
    const uint32_t piece = fraction >> {piece}, within = fraction & {mask}u;
    const int64_t low = logarithms_{at}[piece], high = logarithms_{at}[piece + 1];
    return (int32_t)((int64_t)whole * ((int64_t)1 << {log}) + low + (high - low) * within / ((int64_t)1 << {piece}));
}}"""


def printed(
    integers: Integers, output: tuple[Sequence[int], Sequence[int], int], position: int, target: Place
) -> list[str]:
    """output: multipliers, offsets and shift from logarithms to bytes."""
    size, mels = integers.log_mel.frame, integers.log_mel.mels
    bands, shares = integers.shares
    multipliers, offsets, _ = output
    lines = array(f"int32_t turns_{position}[{2 * size}]", integers.turns.ravel().tolist())
    lines += array(f"uint16_t bands_{position}[{len(bands)}]", (bands + 1).tolist())
    lines += array(f"uint32_t shares_{position}[{len(shares)}]", (f"{share}u" for share in shares.tolist()))
    lines += array(f"int32_t logarithms_{position}[{2**PIECES + 1}]", integers.logarithms.tolist())
    lines += array(f"int32_t multipliers_{position}[{mels}]", multipliers)
    lines += array(f"int64_t offsets_{position}[{mels}]", map(int64, offsets))
    lines += [_ROUNDED]
    known = {"at": position, "size": size, "half": size // 2, "turn": TURN, "log": LOG, "piece": 31 - PIECES}
    known["mask"] = 2 ** (31 - PIECES) - 1
    lines += [_HALVES.format(**known)] if 2 in integers.factors else []
    lines += [_PARTS.format(**known)] if set(integers.factors) - {2} else []
    lines += [_LOGARITHM.format(**known), *_bytes(integers, output[2], position, target)]
    head = (
        f"static void layer_{position}(const int16_t *restrict signal, uint8_t *restrict target, "
        "int32_t *restrict scratch)"
    )
    two = f"for (int frame = 0; frame < {integers.frames}; frame += 2)"
    return [*lines, *function(head, [*border(target), *block(two, _frames(integers, position))])]


def _frames(integers: Integers, position: int) -> list[str]:
    """Two frames: under the window, transformed, and their bytes."""
    size, hop, shift = integers.log_mel.frame, integers.log_mel.hop, TURN + 1 - integers.bits
    window = [
        f"const int64_t window = {int64(2**TURN)} - turns_{position}[i];",
        f"scratch[i] = rounded(from[i] * window, {shift});",
        f"scratch[{size} + i] = frame + 1 < {integers.frames} ? rounded(from[{hop} + i] * window, {shift}) : 0;",
    ]
    lines = [f"const int16_t *from = signal + frame * {hop};", *loop("i", size, window)]
    rest, stride, here = size, 1, 0
    for factor in integers.factors:
        rest //= factor
        there = 2 * size - here
        name = "halves(" if factor == 2 else "parts("
        given = "" if factor == 2 else f"{factor}, "
        lines.append(f"{name}scratch + {here}, scratch + {there}, {given}{rest}, {stride});")
        stride, here = stride * factor, there
    second = block(f"if (frame + 1 < {integers.frames})", [f"bytes(scratch + {here}, target, frame + 1, 1);"])
    return [*lines, f"bytes(scratch + {here}, target, frame, 0);", *second]


def _bytes(integers: Integers, shift: int, position: int, target: Place) -> list[str]:
    """Of one of the two frames whose spectra are in one: those that are its real, or its imaginary part."""
    size, mels, bins = integers.log_mel.frame, integers.log_mel.mels, integers.log_mel.bins
    body = [
        f"uint64_t energies[{mels + 2}];",
        *loop("m", mels + 2, [f"energies[m] = {integers.least}u;"]),
        *loop(
            "i",
            len(bins),
            [
                f"const int k = {bins.start} + i, l = {size} - k;",
                "const int64_t a = spectrum[part ? SIZE + k : k], b = spectrum[part ? SIZE + l : l];".replace(
                    "SIZE", str(size)
                ),
                f"const int64_t c = spectrum[part ? l : {size} + k], d = spectrum[part ? k : {size} + l];",
                "const int64_t re = rounded(a + b, 1), im = rounded(c - d, 1);",
                "const uint64_t power = (uint64_t)(re * re + im * im);",
                f"const uint64_t share = shares_{position}[i];",
                "const uint64_t rising = (power >> 32) * share + ((power & 0xffffffffu) * share >> 32);",
                f"energies[bands_{position}[i]] += power - rising;",
                f"energies[bands_{position}[i] + 1] += rising;",
            ],
        ),
        *loop(
            "m",
            mels,
            [
                "const int32_t value = logarithm(energies[m + 1]);",
                f"target[{target.origin()} + m * {target.row} + frame] = requantized(value, multipliers_{position}[m], "
                f"offsets_{position}[m], 0, INT64_C({255 << shift}), {shift});",
            ],
        ),
    ]
    head = "static void bytes(const int32_t *restrict spectrum, uint8_t *restrict target, int frame, int part)"
    return function(head, body)
