"""Numbers of lines as they are told: all of them, neighbours together."""

from collections.abc import Sequence


def told(numbers: Sequence[int], unit: str = "line") -> str:
    """`line 3`, `lines 2, 5-9, 12`. Ascending, each once."""
    spans = list[list[int]]()
    for number in sorted(set(numbers)):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
    return f"{unit if len(set(numbers)) == 1 else unit + 's'} {words}"
