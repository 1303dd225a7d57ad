"""The classes that a column of labels names, and the parts that a column of splits does."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from compression_ops.data.file_names import key, lines, listed, shown, text_of
from compression_ops.data.folders import split_names
from compression_ops.data.folders.split_names import Role
from compression_ops.data.tables import numbers
from compression_ops.data.tables.entries import Entries
from compression_ops.data.tables.table_file import Table
from compression_ops.errors import DataError

_DIGITS = re.compile(r"[+-]?\d+", re.ASCII)


def column(table: Table, name: str, field: str) -> Entries:
    """The entries of the column that `dataset.<field>` names. Raises DataError where there is none."""
    return named(table, name, f"dataset.{field}")


def named(table: Table, name: str, place: str) -> Entries:
    """As `column`, of one that was named elsewhere than in a recipe, as by an option."""
    if name in table.columns:
        return table.columns[name]
    nearest = get_close_matches(name, table.names, n=1) or [each for each in table.names if key(each) == key(name)]
    hint = f"\n  did you mean `{shown(nearest[0])}`?" if nearest else ""
    raise DataError(
        f"{place}: {shown(table.path)} has no column {shown(name)!r}. It has:"
        + lines([each or "(one without a name)" for each in table.names])
        + hint
    )


def require_filled(table: Table, entries: Sequence[str], rows: Sequence[int], name: str, field: str) -> None:
    """Raises DataError, with all their lines, if rows have no entry in a column."""
    require_none(table, [row for row in rows if not entries[row]], name, field)


def require_none(table: Table, empty: Sequence[int], name: str, field: str) -> None:
    """As `require_filled`, of the rows that have no entry."""
    if empty:
        raise DataError(
            f"dataset.{field}: {len(empty):,} row(s) of {shown(table.path)} have no {shown(name)}: {table.at(empty)}. "
            f"Fill the entries in or remove the rows."
        )


def normal(entries: Sequence[str]) -> list[str]:
    """Entries as names, in composed Unicode; where all are numbers, `3.0` is `3`."""
    if numbers.are_numbers(set(entries)):
        return [entry if _DIGITS.fullmatch(entry) else _whole(entry) for entry in entries]
    return [text_of(entry) for entry in entries]


def are_whole_or_text(entries: Collection[str]) -> bool:
    """Whether these, as `normal` gives them, can be names of classes: not numbers of which some are not whole."""
    return not numbers.are_numbers(entries) or all(_DIGITS.fullmatch(entry) for entry in entries)


def _whole(number: str) -> str:
    value = float(number)
    return str(int(value)) if value.is_integer() else number


def classes_of(table: Table, entries: Sequence[str], rows: Sequence[int], name: str) -> list[str]:
    """The class of each of the rows, none of which is empty.

    Raises DataError if the column holds numbers that are not whole, one class, or another entry in every row.
    """
    stated = [entries[row] for row in rows]
    found = normal(stated)
    distinct = dict.fromkeys(found)
    where = f"dataset.label: the column {shown(name)!r} of {shown(table.path)}"
    if not are_whole_or_text(distinct):
        parts = [row for row, entry in zip(rows, found, strict=True) if not _DIGITS.fullmatch(entry)]
        raise DataError(
            f"{where} holds {len(distinct):,} different numbers that are not all whole, first "
            f"{entries[parts[0]]} on {table.at(parts[:1])}: quantities, not classes. Write the name of a class into a "
            f"column instead, such as the range that a number lies in, and name that column."
        )
    if len(distinct) < 2:
        raise DataError(
            f"{where} says {shown(found[0])!r} in all {len(rows):,} row(s); at least two classes are needed. Add "
            f"pictures of another class, or name another column: {listed([each for each in table.names if each])}."
        )
    if len(distinct) == len(rows) > 2:
        raise DataError(
            f"{where} says something else in each of {len(rows):,} rows: names of pictures, not of classes. Name the "
            f"column of the classes; there are {listed([each for each in table.names if each])}."
        )
    return found


def alike(table: Table, classes: Sequence[str]) -> list[str]:
    """A warning if names of classes differ in case only."""
    counted = Counter(map(key, classes))
    if twins := [name for name in classes if counted[key(name)] > 1]:
        return [f"{shown(table.path)}: these classes differ in case only, and are taken as several: {listed(twins)}."]
    return []


def roles_of(table: Table, entries: Sequence[str], name: str) -> list[Role]:
    """The split of each row. Raises DataError, with all their lines, for entries that name none."""
    parsed = {entry: split_names.parse(entry) for entry in set(entries)}
    if unclear := sorted(entry for entry, found in parsed.items() if found is None):
        told = [f"{entry or '(nothing)'}: {table.at(_rows_of(entries, entry))}" for entry in unclear]
        raise DataError(
            f"dataset.split: {len(told):,} entries of the column {shown(name)!r} of {shown(table.path)} name no split; "
            f"allowed are train, validation and test in their usual spellings. Correct them, or leave `split` out: "
            f"test is then held out:{lines(told)}"
        )
    roles: dict[str, Role] = {entry: found.role for entry, found in parsed.items() if found is not None}
    if "train" not in roles.values():
        raise DataError(
            f"dataset.split: the column {shown(name)!r} of {shown(table.path)} names no training split, only "
            f"{listed(sorted(roles))}. Correct it, or leave `split` out: test is then held out."
        )
    return [roles[entry] for entry in entries]


def _rows_of(entries: Sequence[str], entry: str) -> list[int]:
    return [row for row, each in enumerate(entries) if each == entry]
