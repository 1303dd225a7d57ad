"""Rows of a table: a number is taken as an integer of its column's own fixed point, a category as its code.

A number's byte is its distance from the mean, in steps of std · scale, by one multiplication in 64 bits. Its fixed
point has at least 28 bits for the largest number that has a byte of its own, so more than float32 has.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from compression_ops.c_code.building import Building, Pending, quantized, refused
from compression_ops.c_code.inputs.taken import MISSING, Integers, Taken
from compression_ops.c_code.layout import Place
from compression_ops.c_code.program import Reading, Tensor
from compression_ops.c_code.text import array, border, function, int64, loop, quoted

if TYPE_CHECKING:
    from compression_ops.data.modalities.table import Table

_MAGNITUDE, _FACTOR = 29, 30  # bits of a number that has a byte of its own, and of what it is multiplied by
_NAMED = 20  # categories of a column that the header names


@dataclass(frozen=True)
class _Column:
    """A number v, of that index, as a byte: clamp(⌊(v · multiplier + offset) / 2^shift⌋, 0, 255)."""

    index: int
    bits: int
    multiplier: int
    offset: int
    shift: int


@dataclass(frozen=True)
class Row(Reading):
    """numbers     each a byte, in their order
    marks       (column, code): then for each of them `there` where the column holds the code, else `missing`
    missing     the byte of 0.0: the mean
    """

    numbers: tuple[_Column, ...]
    marks: tuple[tuple[int, int], ...]
    missing: int
    there: int

    @property
    def requantizes(self) -> bool:
        return bool(self.numbers)

    @property
    def constant_bytes(self) -> int:
        return (2 + 4 + 8 + 1) * len(self.numbers) + (2 + 2) * len(self.marks)

    def computed(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        indices, _, multipliers, offsets, shifts = self._arrays()
        given = samples[:, indices]
        bytes_ = np.clip(given * multipliers + offsets >> shifts, 0, 255)
        numbers = np.where(given == MISSING, self.missing, bytes_)
        columns, codes = (np.array([mark[k] for mark in self.marks], np.int64) for k in (0, 1))
        marks = np.where(samples[:, columns] == codes, self.there, self.missing)
        return np.concatenate([numbers, marks], axis=1)[:, None, None, :]

    def printed(self, position: int, target: Place) -> Sequence[str]:
        lines, body, origin = list[str](), border(target), target.origin()
        if self.numbers:
            indices, _, multipliers, offsets, shifts = (each.tolist() for each in self._arrays())
            lines += _constants(position, len(self.numbers), f"{_index(indices)} columns", indices)
            lines += _constants(position, len(self.numbers), "int32_t multipliers", multipliers)
            lines += _constants(position, len(self.numbers), "int64_t offsets", map(int64, offsets))
            lines += _constants(position, len(self.numbers), "uint8_t shifts", shifts)
            value = f"value, multipliers_{position}[i], offsets_{position}[i], 0, INT64_C(255) << shift, shift"
            number = [
                f"const int32_t value = values[columns_{position}[i]];",
                f"const int shift = shifts_{position}[i];",
                f"target[{origin} + i] = value == INT32_MIN ? {self.missing} : requantized({value});",
            ]
            body += loop("i", len(self.numbers), number)
        if self.marks:
            columns, codes = ([mark[k] for mark in self.marks] for k in (0, 1))
            lines += _constants(position, len(self.marks), f"{_index(columns)} of", columns)
            lines += _constants(position, len(self.marks), f"{_index(codes)} codes", codes)
            is_there = f"values[of_{position}[i]] == codes_{position}[i]"
            start = origin + len(self.numbers)
            body += loop("i", len(self.marks), [f"target[{start} + i] = {is_there} ? {self.there} : {self.missing};"])
        head = f"static void layer_{position}(const int32_t *restrict values, uint8_t *restrict target)"
        return [*lines, *function(head, body)]

    def _arrays(self) -> Sequence[NDArray[np.int64]]:
        rows = [(each.index, each.bits, each.multiplier, each.offset, each.shift) for each in self.numbers]
        return list(np.array(rows, np.int64).reshape(-1, 5).T)


def begin(building: Building) -> Pending:
    """What the ONNX file computes of a row, which awaits its scale."""
    table = cast("Table", building.description.modality)
    mean, std = (np.array(each, np.float32) for each in (building.description.mean, building.description.std))
    codes = [(at, code) for at, names in enumerate(table.categories) for code in range(1, len(names or ()) + 1)]

    def finish(scale: float, zero_point: int) -> int:
        numbers = tuple(_column(at, float(mean[at]), float(std[at]), scale, zero_point) for at in table.numbers())
        there = int(quantized(np.ones(1, np.float32), scale, zero_point)[0])
        taken = _taken(table, {each.index: each.bits for each in numbers})
        if building.taken not in (None, taken):
            raise refused(building, "the columns", "are quantized in two scales, and so taken in two fixed points")
        building.taken = taken
        tensor = Tensor(len(numbers) + len(codes), 1, 1, scale, zero_point)
        target = building.tensor(tensor)
        building.add(Row("the columns", target, numbers, tuple(codes), zero_point, there))
        return target

    return Pending("the columns", finish, flat=True)


def _constants(position: int, count: int, declaration: str, values: Iterable[object]) -> list[str]:
    return array(f"{declaration}_{position}[{count}]", values)


def _index(values: Sequence[int]) -> str:
    """Of numbers from 0 on, which are compared with an int32_t or pick one."""
    return "uint16_t" if max(values) < 2**16 else "int32_t"


def _column(index: int, mean: float, std: float, scale: float, zero_point: int) -> _Column:
    ends = [mean + std * scale * (end - zero_point) for end in (0, 255)]
    bits = _MAGNITUDE - math.frexp(max(map(abs, ends)))[1]
    step = Fraction(std) * Fraction(scale) * Fraction(2) ** bits
    factor = 1 / step
    shift = _FACTOR - math.frexp(float(factor))[1]
    multiplier = min(round(factor * 2**shift), 2**_FACTOR - 1)
    centre = round(Fraction(mean) * Fraction(2) ** bits * multiplier)
    return _Column(index, bits, multiplier, (zero_point << shift) + (1 << (shift - 1)) - centre, shift)


def _taken(table: "Table", bits: dict[int, int]) -> Taken:
    columns = len(table.columns)
    every = tuple(bits.get(index, 0) for index in range(columns))
    notes = [
        "What it takes of a row is an int32_t for each of its columns. Of a number x the integer nearest to",
        f"x * 2^bits, from {MISSING + 1} to {-MISSING - 1}, and INT32_MIN where it is missing; of a category its code,",
        "0 for any other name, or none:",
    ]
    for index, (name, categories) in enumerate(zip(table.columns, table.categories, strict=True)):
        notes.append(f"  {index}  {quoted(name)}: {_told(categories, every[index])}")
    constants = {"COLUMNS": str(columns), "FRACTION_BITS": "{" + ", ".join(map(str, every)) + "}"}
    words = f"values [{columns}] of a row, as said above"
    return Taken(Integers("float32", "int32", every), "values", (columns,), constants, words, tuple(notes))


def _told(categories: tuple[str, ...] | None, bits: int) -> str:
    if categories is None:
        return f"a number, bits {bits}"
    if not categories:
        return "is not looked at"
    names = [f"{code} {quoted(name)}" for code, name in enumerate(categories[:_NAMED], 1)]
    more = f", and on to {len(categories)}: input.json names all" if len(categories) > _NAMED else ""
    return f"a category, {', '.join(names)}{more}"
