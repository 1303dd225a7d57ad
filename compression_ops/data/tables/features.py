"""The columns of a table that a network is given: which are numbers, which are categories, and their values."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from compression_ops.data.file_names import listed, shown, text_of
from compression_ops.data.folders.layout import natural
from compression_ops.data.modalities.table import Table
from compression_ops.data.tables import labels, numbers, table_file
from compression_ops.data.tables.entries import Entries
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_INFINITE = re.compile(r"[+-]?inf(inity)?", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_MOST_NAMES = 1000
_LARGEST = 1e30
_NEARLY = 0.5  # of the different entries, from which on a column looks like one of numbers


@dataclass(frozen=True)
class Features:
    """modality: what the columns are; values: of each table in turn, float32 [N, F]; warnings: for the user."""

    modality: Table
    values: "list[NDArray[np.float32]]"
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Column:
    """name: of one column of all tables; entries: of each table; texts, codes: of each the different ones, and which of
    these each row has; distinct: those of all that are not missing.
    """

    tables: Sequence[table_file.Table]
    name: str
    entries: Sequence[Entries]

    @cached_property
    def encoded(self) -> "list[tuple[list[str], NDArray[np.int32]]]":
        return [entries.encoded() for entries in self.entries]

    @cached_property
    def distinct(self) -> frozenset[str]:
        return frozenset(text for texts, _ in self.encoded for text in texts if not numbers.is_missing(text))

    def numbers(self) -> "NDArray[np.float64] | None":
        """Of all rows, table after table; None if not all are numbers or missing."""
        import numpy as np

        found = [entries.numbers for entries in self.entries]
        if all(each is not None for each in found):
            return np.concatenate([each for each in found if each is not None], dtype=np.float64)
        if not numbers.are_numbers(self.distinct):
            return None
        return self.looked_up({text: float(text) for text in self.distinct}, np.nan, "float64")

    def looked_up(self, values: Mapping[str, float], otherwise: float, dtype: str) -> "NDArray[Any]":
        """What the entry of each row stands for."""
        import numpy as np

        return np.concatenate(
            [np.array([values.get(text, otherwise) for text in texts], dtype)[codes] for texts, codes in self.encoded]
        )

    @property
    def where(self) -> str:
        return f"{shown(self.tables[0].path)}: column {shown(self.name)!r}"

    def at(self, wanted: Collection[str]) -> str:
        """Where some of the entries stand, in the first table that has any."""
        for table, entries in zip(self.tables, self.entries, strict=True):
            if rows := [row for row, entry in enumerate(entries) if entry in wanted]:
                return table.at(rows) if table is self.tables[0] else f"{table.at(rows)} of {shown(table.path)}"
        raise ValueError(f"none of the entries stand in column {self.name}")


def of_tables(
    tables: Sequence[table_file.Table], names: Sequence[str], categories: Collection[str], texts: Collection[str] = ()
) -> Features:
    """The columns of these names; those of `categories` and `texts` are categories although their entries are numbers.

    The columns are taken out of the tables one by one, so that each is held once.

    A column is of numbers where every entry that is not missing is one, in all tables. Columns that only tell rows
    apart, and are none of `categories`, are left out with a warning: text that is another in every row, and the number
    of the row, in any order. Raises DataError, which names the column and where it is so, for numbers that are
    infinite, huge, or written with commas, for columns of more than 1,000 names, and if no column is left.
    """
    import numpy as np

    warnings = list[str]()
    found: list[tuple[str, tuple[str, ...] | None, NDArray[np.float32]]] = []
    ends = np.cumsum([len(table) for table in tables])[:-1].tolist()
    for name in names:
        column = _Column(tables, name, [table.columns.pop(name) for table in tables])
        if name not in categories and name not in texts:
            if (wide := column.numbers()) is not None:
                values = _numbers(column, wide, warnings)
                found += [(name, None, values)] if values is not None else []
                continue
            _require_no_numbers(column, warnings)
        if name in categories or not _tells_rows_apart(column, warnings):
            found.append((name, *_codes(column)))
    if not found:
        raise DataError(
            f"dataset.columns: {shown(tables[0].path)}: no column is left beside those of classes, of groups, "
            f"and those that only tell rows apart. Name columns that say something of a row, of "
            f"{listed(names) or 'which there is none'}."
        )
    values = np.stack([each for _, _, each in found], axis=1)
    modality = Table(tuple(name for name, _, _ in found), tuple(kind for _, kind, _ in found))
    return Features(modality, [np.ascontiguousarray(part) for part in np.split(values, ends)], tuple(warnings))


def values_of(entries: Entries, names: tuple[str, ...]) -> "NDArray[np.float32]":
    """float32 [N]: the codes of `names`; 0 where missing, or none of these."""
    import numpy as np

    texts, rows = entries.encoded()
    codes, spelled = {name: code for code, name in enumerate(names, 1)}, _spelled(texts)
    return np.array([codes.get(spelled.get(text, ""), 0) for text in texts], np.float32)[rows]


def _numbers(column: _Column, wide: "NDArray[np.float64]", warnings: list[str]) -> "NDArray[np.float32] | None":
    """None for a column that counts the rows."""
    import numpy as np

    if (np.abs(wide) > _LARGEST).any():
        huge = {entry for entry in column.distinct if abs(float(entry)) > _LARGEST}
        raise DataError(
            f"dataset.columns: {column.where} holds {listed(sorted(huge))} ({column.at(huge)}); allowed are numbers "
            f"from {-_LARGEST:g} to {_LARGEST:g}. Correct them, or leave their entries empty where nothing is known."
        )
    return numbers.column(wide, [len(table) for table in column.tables], column.where, warnings)


def _require_no_numbers(column: _Column, warnings: list[str]) -> None:
    """A warning where a column of text was perhaps to be one of numbers; raises DataError where it surely was."""
    stated = {entry for entry in column.distinct if numbers.are_numbers([entry])}
    others = column.distinct - stated
    if all(map(_INFINITE.fullmatch, others)):
        raise DataError(
            f"dataset.columns: {column.where} holds {listed(sorted(others))} ({column.at(others)}); allowed are finite "
            f"numbers. Leave such entries empty where nothing is known, or remove their rows."
        )
    if all(map(_THOUSANDS.fullmatch, others)):
        raise DataError(
            f"dataset.columns: {column.where} holds numbers with thousands separators, first {min(others)} "
            f"({column.at(others)}). Remove the commas, or where they are decimal ones write points; or state the "
            f"column in `categories` if they are none."
        )
    if all(map(_COMMA.fullmatch, others)):
        raise DataError(
            f"dataset.columns: {column.where} holds numbers with a decimal comma, first {min(others)} "
            f"({column.at(others)}). Write them with a point, or state the column in `categories` if they are none."
        )
    if len(stated) > _NEARLY * len(column.distinct):
        warnings.append(
            f"{column.where} was taken for one of categories, since {len(others):,} of its {len(column.distinct):,} "
            f"different entries are no numbers: {listed(sorted(others))} ({column.at(others)})."
        )


def _tells_rows_apart(column: _Column, warnings: list[str]) -> bool:
    """Whether a column of text says something else in every row."""
    filled = int(column.looked_up(dict.fromkeys(column.distinct, 1), 0, "bool").sum())
    if filled > len(column.distinct) or filled <= 2:
        return False
    warnings.append(
        f"{column.where} says something else in each of {filled:,} rows, so it only names them; it was left out. State "
        f"it in `categories` to have it taken."
    )
    return True


def _codes(column: _Column) -> "tuple[tuple[str, ...], NDArray[np.float32]]":
    spelled = _spelled(column.distinct)
    names = tuple(sorted(set(spelled.values()), key=natural))
    if len(names) > _MOST_NAMES:
        raise DataError(
            f"dataset.columns: {column.where} has {len(names):,} different entries that are no numbers, as "
            f"{listed(names[:3])}; allowed are {_MOST_NAMES:,}, since each becomes an input of the network. Put "
            f"rare ones together, or state `columns` without it."
        )
    codes = {name: code for code, name in enumerate(names, 1)}
    return names, column.looked_up({entry: codes[name] for entry, name in spelled.items()}, 0, "float32")


def _spelled(entries: Collection[str]) -> dict[str, str]:
    """The name of the category that each entry means, without those that are missing."""
    filled = [entry for entry in entries if not numbers.is_missing(entry)]
    return {entry: labels.normal([entry])[0] if numbers.are_numbers([entry]) else text_of(entry) for entry in filled}
