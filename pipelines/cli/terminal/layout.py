"""Tables that give way by columns: a name is never cut, and a column that does not fit is left out whole and named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.text import Text

from pipelines.cli.terminal.console import Terminal

_GAP = "  "
_INDENT = 2
_PROSE = 24  # columns that a sentence needs to be readable beside a name; with fewer it goes below


@dataclass(frozen=True)
class Column:
    """A head and a cell for each row, a string or (string, style).

    right   numbers, flush right
    joined  says nothing without the column before it, and goes with it
    prose   sentences, which fold, or names: never left out; where the table has no room they stand below each row
    """

    head: str
    cells: Sequence[str | tuple[str, str]]
    right: bool = True
    joined: bool = False
    prose: bool = False


@dataclass(frozen=True)
class _Laid:
    """A column in the characters of a console: its head and cells, and how wide it is drawn."""

    head: Text
    cells: tuple[Text, ...]
    width: int
    right: bool


def show(console: Terminal, names: Column, columns: Sequence[Column]) -> None:
    """Print a table whose first column, `names`, tells what each row is about; of `columns` as many as fit."""
    lines, left_out = lay(console, names, columns)
    for line in lines:
        console.print(line, soft_wrap=True)
    if left_out:
        console.print(console.text((f"not shown at this width: {', '.join(left_out)}", "dim")))


def lay(console: Terminal, names: Column, columns: Sequence[Column]) -> tuple[list[Text], list[str]]:
    """The lines of a table, none wider than the console, and the heads of the columns that do not fit.

    Groups of columns (one and those joined to it) are taken in order; where the names leave no room for the first one,
    names get lines of their own, and the columns stand below them.
    """
    names_laid = _laid(console, names)
    groups = _groups(console, [column for column in columns if not column.prose])
    is_stacked = bool(groups) and names_laid.width + _wide(groups[0]) > console.width
    used = _INDENT - len(_GAP) if is_stacked else min(names_laid.width, console.width)
    shown: dict[str, _Laid] = {}
    for group in groups:
        if used + _wide(group) <= console.width:
            used += _wide(group)
            shown |= group
    below: list[_Laid] = []
    for column in columns:
        if column.prose:
            laid = _laid(console, column)
            rest = console.width - used - len(_GAP)
            if rest < min(laid.width, _PROSE):
                below.append(laid)
            else:
                shown[column.head] = _Laid(laid.head, laid.cells, min(laid.width, rest), laid.right)
                used += shown[column.head].width + len(_GAP)
    ordered = [shown[column.head] for column in columns if column.head in shown]
    left_out = [column.head for column in columns if not column.prose and column.head not in shown]
    return list(_lines(console, names_laid, ordered, below, is_stacked)), left_out


def _laid(console: Terminal, column: Column) -> _Laid:
    """As narrow as its widest cell and the longest word of its head allow."""
    cells = tuple(console.text(cell) for cell in column.cells)
    head = console.text((column.head, "bold"))
    parts = [line.cell_len for cell in cells for line in cell.split()]
    words = [word.cell_len for word in head.split(" ")]
    return _Laid(head, cells, max((*parts, *words), default=0), column.right)


def _groups(console: Terminal, columns: Sequence[Column]) -> list[dict[str, _Laid]]:
    groups: list[dict[str, _Laid]] = []
    for column in columns:
        if column.joined and groups:
            groups[-1][column.head] = _laid(console, column)
        else:
            groups.append({column.head: _laid(console, column)})
    return groups


def _wide(group: dict[str, _Laid]) -> int:
    return sum(len(_GAP) + column.width for column in group.values())


def _lines(
    console: Terminal, names: _Laid, columns: Sequence[_Laid], below: Sequence[_Laid], is_stacked: bool
) -> Iterable[Text]:
    width = min(names.width, console.width)
    margin = ([Text()], _INDENT - len(_GAP), False)
    heads = [_folded(console, column.head, column.width) for column in columns]
    if is_stacked:
        yield from _folded(console, names.head, width)
        yield from _side_by_side([margin, *_parts(heads, columns)], at_bottom=True)
    else:
        first = (_folded(console, names.head, width), width, names.right)
        yield from _side_by_side([first, *_parts(heads, columns)], at_bottom=True)
    for row, name in enumerate(names.cells):
        cells = [_folded(console, column.cells[row], column.width) for column in columns]
        if is_stacked:
            yield from _folded(console, name, width)
            yield from _side_by_side([margin, *_parts(cells, columns)])
        else:
            yield from _side_by_side([(_folded(console, name, width), width, names.right), *_parts(cells, columns)])
        for column in below:
            if column.cells[row]:
                for line in _folded(console, column.cells[row], console.width - _INDENT):
                    yield Text(" " * _INDENT) + line


def _parts(cells: Sequence[list[Text]], columns: Sequence[_Laid]) -> list[tuple[list[Text], int, bool]]:
    return [(lines, column.width, column.right) for lines, column in zip(cells, columns, strict=True)]


def _folded(console: Terminal, cell: Text, width: int) -> list[Text]:
    """Lines no wider than `width`, broken between words where that is possible."""
    return list(cell.wrap(console, max(width, 1), overflow="fold"))


def _side_by_side(parts: Sequence[tuple[list[Text], int, bool]], at_bottom: bool = False) -> Iterable[Text]:
    """Cells of (lines, width, whether flush right) as lines of a row."""
    height = max(len(lines) for lines, _, _ in parts)
    filled = [
        [Text()] * (height - len(lines)) + lines if at_bottom else lines + [Text()] * (height - len(lines))
        for lines, _, _ in parts
    ]
    for pieces in zip_longest(*filled):
        line = Text()
        for index, (piece, (_, width, right)) in enumerate(zip(pieces, parts, strict=True)):
            space = " " * max(0, width - piece.cell_len)
            line = line + (_GAP if index else "") + (space if right else "") + piece + ("" if right else space)
        line.rstrip()
        yield line
