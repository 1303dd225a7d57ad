"""C as text: blocks, arrays, comments, and what the functions of all operations have in common."""

import json
import re
from collections.abc import Iterable, Sequence

from compression_ops.c_code.layout import Place
from compression_ops.c_code.program import Requantization

_VALUES_OF_A_LINE = 20
_STEP = "    "


def block(head: str, body: Iterable[str]) -> list[str]:
    """`head` and its body in braces."""
    return [f"{head} {{".lstrip(), *(f"{_STEP}{line}" for line in body), "}"]


def loop(name: str, count: int, body: Sequence[str], step: int = 1) -> list[str]:
    """Over 0, step, … below count; the body alone, with the name as a constant, where that is one turn."""
    if count <= step:
        return block("", [f"const int {name} = 0;", *body]) if any(_reads(line, name) for line in body) else [*body]
    advance = f"{name}++" if step == 1 else f"{name} += {step}"
    return block(f"for (int {name} = 0; {name} < {count}; {advance})", body)


def array(declaration: str, values: Iterable[object]) -> list[str]:
    """A constant array."""
    texts = [str(value) for value in values]
    lines = [texts[at : at + _VALUES_OF_A_LINE] for at in range(0, len(texts), _VALUES_OF_A_LINE)]
    return [f"static const {declaration} = {{", *(f"{_STEP}{', '.join(line)}," for line in lines), "};"]


def quoted(text: str) -> str:
    """Any text in ASCII, with nothing in it that could end or begin a comment, or be a trigraph."""
    return json.dumps(text).replace("/", "\\u002f").replace("??", "?\\u003f")


def signature(
    position: int, sources: Sequence[str], target: str = "uint8_t *restrict target", scratch: bool = False
) -> str:
    """The head of the function of an operation."""
    given = [*(f"const uint8_t *restrict {name}" for name in sources), target]
    given += ["uint8_t *restrict scratch"] if scratch else []
    return f"static void layer_{position}({', '.join(given)})"


def border(place: Place) -> list[str]:
    """Paddings hold the integer of 0; what lies inside is written after."""
    if not place.is_padded:
        return []
    return loop("i", place.size, [f"target[i] = {place.tensor.zero_point};"])


def at(name: str, place: Place, y: str = "y", x: str = "x", origin: int = 0) -> str:
    """The pixel (y, x) of a tensor, `origin` bytes behind its name."""
    start = f" + {origin}" if origin else ""
    return f"{name}{start} + {y} * {place.row} + {x} * {place.tensor.channels}"


def each_pixel(place: Place, body: Sequence[str]) -> list[str]:
    """For each pixel of the target, `pixel`."""
    pixel = f"uint8_t *pixel = {at('target', place, origin=place.origin())};"
    return loop("y", place.tensor.height, loop("x", place.tensor.width, [pixel, *body]))


def int64(value: int) -> str:
    """A constant of 64 bits."""
    return f"INT64_C({value})"


def function(head: str, body: Sequence[str]) -> list[str]:
    """`head` and its body, as functions are written."""
    return [head, "{", *(f"    {line}" for line in body), "}"]


def settings(output: Requantization) -> str:
    """Limits as 64 bits hold them before the shift."""
    ends = (output.low << output.shift, output.high << output.shift)
    return f"INT64_C({output.offset}), INT64_C({ends[0]}), INT64_C({ends[1]}), {output.shift}"


def _reads(line: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", line) is not None
