"""Tables: rows of columns, each of numbers or of categories.

values, float32 [N, F] ─┬─► numbers ─► − mean ─► ÷ std, 0 where missing ─┬─► Concat ─► the network
                        └─► codes ─► = 1, = 2, … for each name ──────────┘
"""

import hashlib
import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compression_ops.data.file_names import listed
from compression_ops.data.modalities import table_drift, table_nodes
from compression_ops.data.modalities.modality import SHOWN, Modality, Read
from compression_ops.data.modalities.table_categories import Categories, known, recoded
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import NodeProto
    from torch import Tensor

    from compression_ops.data.dataset import Description

_NAME_BYTES = 16  # of a category's name in the digest of a row
_NAMED = 5
_LARGEST = 1e30  # number; differences of larger ones need not be finite in float32


@dataclass(frozen=True)
class Table(Modality):
    """A value a column: a number, NaN where it is missing, or the code of a category.

    columns     their names, in the order of a raw sample, each once
    categories  of each column the names whose codes are 1, 2, …; 0 is any other name, or none. None for a column of
                numbers. () for one that says nothing in training (one value, or none), at which a network never looks
    source      as `categories`, by which samples are coded before they are `encoded`; not stored
    """

    columns: tuple[str, ...]
    categories: Categories
    source: Categories = field(default=(), compare=False, repr=False)

    type: ClassVar[str] = "table"
    noun: ClassVar[str] = "rows"
    dtype: ClassVar[str] = "float32"
    axes: ClassVar[str] = "[N, F]"
    dimensions: ClassVar[int] = 2
    input_name: ClassVar[str] = "values"
    has_repeats: ClassVar[bool] = True
    raw: ClassVar[str] = "a value a column: a number, NaN where it is missing, or the code of a category"
    normalized: ClassVar[str] = (
        "(number - mean) / std of each column of numbers, 0 where it is missing; then 1 or 0 for each category's name"
    )
    how: ClassVar[str] = (
        "compression.modality names the columns, and of each column of categories the names whose codes are 1, 2, ...; "
        "0 is any other, or none"
    )

    def require_sound(self, split: str, values: "NDArray[Any]") -> None:
        """Raises DataError, which names the columns, for infinite or huge numbers, too, and for unknown codes."""
        import numpy as np

        super().require_sound(split, values)
        if values.shape[1] != len(self.columns) or len(self.columns) != len(self.categories):
            raise DataError(f"{split}: rows of {values.shape[1]} values; there are {len(self.columns)} columns")
        for index, (name, categories) in enumerate(zip(self.columns, self.categories, strict=True)):
            column = values[:, index]
            if categories is None:
                wrong = np.flatnonzero(np.abs(column) > _LARGEST)
                allowed = f"numbers from -{_LARGEST:g} to {_LARGEST:g}, and NaN where one is missing"
            else:
                known = np.arange(len(categories) + 1, dtype=np.float32)
                wrong, allowed = np.flatnonzero(~np.isin(column, known)), f"the codes 0 to {len(categories)}"
            if len(wrong):
                raise DataError(
                    f"{split}: column {name!r}: {len(wrong):,} value(s) cannot be, first {column[wrong[0]]} in row "
                    f"{wrong[0]}; allowed are {allowed}. Correct or remove them."
                )

    def digests(self, values: "NDArray[np.float32]") -> list[bytes]:
        """Of the numbers and of the names of the categories, so that no other row's name changes a row's digest."""
        import numpy as np

        numbers = values[:, self.numbers()] + np.float32(0)  # -0 is 0
        numbers[np.isnan(numbers)] = np.nan  # of which there are many
        parts = [np.ascontiguousarray(numbers).view(np.uint8).reshape(len(values), -1)]
        for index, names in enumerate(self.categories):
            if names is not None:
                known = [hashlib.sha256(name.encode()).digest()[:_NAME_BYTES] for name in names]
                table = np.frombuffer(b"".join([bytes(_NAME_BYTES), *known]), np.uint8).reshape(-1, _NAME_BYTES)
                parts.append(table[values[:, index].astype(np.int64)])
        return [hashlib.sha256(row).digest() for row in np.ascontiguousarray(np.concatenate(parts, axis=1))]

    def numbers(self) -> list[int]:
        """Which columns are of numbers that a network looks at."""
        return [index for index, names in enumerate(self.categories) if names is None]

    def fitted(self, values: "NDArray[np.float32]", rows: "NDArray[np.int64]") -> "Table":
        """Categories are those that stand in these rows, in their order; columns that say nothing there are `()`."""
        import numpy as np

        found: list[tuple[str, ...] | None] = []
        for index, names in enumerate(self.categories):
            column = values[:, index][rows]
            if names is None:
                stated = column[~np.isnan(column)]
                found.append(None if len(stated) and stated.min() < stated.max() else ())
            else:
                found.append(tuple(names[code - 1] for code in np.unique(column).astype(int).tolist() if code))
        return replace(self, categories=tuple(found), source=self.categories)

    def encoded(self, block: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Codes of the source's names -> of those that stand in training. Numbers stay as they are."""
        return recoded(block, self.source or self.categories, self.categories)

    def statistics(
        self, values: "NDArray[np.float32]", where: str
    ) -> tuple[tuple[float, ...], tuple[float, ...], list[str]]:
        """A mean and a standard deviation for each column: of numbers those that are not missing, in float64, with no
        rounding but the last; 0 and 1 of the others. Of columns that say nothing a warning each.

        Raises DataError if all are such.
        """
        import numpy as np

        if not any(names is None or len(names) > 1 for names in self.categories):
            raise DataError(f"{where}: every column has one value; there is nothing to learn. Check the columns.")
        means, deviations, warnings = [0.0] * len(self.columns), [1.0] * len(self.columns), list[str]()
        for index, (name, names) in enumerate(zip(self.columns, self.categories, strict=True)):
            if names is None:
                column = values[:, index].astype(np.float64)
                stated = column[~np.isnan(column)]
                means[index] = math.fsum(stated) / len(stated)
                deviations[index] = _deviation(stated - means[index])
            elif not names:
                empty = (self.source and self.source[index] is not None) or bool(np.isnan(values[:, index]).all())
                what = "has no value in any row" if empty else "has the same value in every row"
                warnings.append(f"{where}: column {name!r} {what}; it tells nothing and is not looked at.")
            elif len(names) == 1:
                warnings.append(f"{where}: column {name!r} says {names[0]!r} or nothing in every row; it tells little.")
        return tuple(means), tuple(deviations), warnings

    def drift(self, previous: "NDArray[Any]", current: "NDArray[Any]", former: Modality) -> float:
        """Of the column that has moved most."""
        return max(self.drifts(previous, current, former).values(), default=0.0)

    def drifts(self, previous: "NDArray[Any]", current: "NDArray[Any]", former: Modality) -> dict[str, float]:
        """Of each column, as `column 'age'` (see compression_ops.data.modalities.table_drift).

        One that only one of them has, as where it was renamed, has moved altogether.
        """
        assert isinstance(former, Table)
        found: dict[str, float] = {}
        for name in dict.fromkeys([*self.columns, *former.columns]):
            sides = ((former, previous), (self, current))
            before, after = (table._column(values, name) for table, values in sides)
            found[f"column {name!r}"] = (
                table_drift.index(before, after) if before and after else table_drift.moved(len(previous), len(current))
            )
        return found

    def _column(self, values: "NDArray[Any]", name: str) -> table_drift.Column | None:
        """None where there is none of that name."""
        if name not in self.columns:
            return None
        index = self.columns.index(name)
        return table_drift.Column(values[:, index], self.categories[index])

    def described(self, shape: tuple[int, ...]) -> str:
        """`rows of 8 numbers and 5 categories`."""
        numbers = len(self.numbers())
        others = sum(bool(names) for names in self.categories)
        ignored = shape[0] - numbers - others
        words = [f"{numbers} numbers"] * bool(numbers) + [f"{others} categories"] * bool(others)
        return f"rows of {' and '.join(words)}" + f" ({ignored} more column(s) say nothing)" * bool(ignored)

    def shown(self, value: "NDArray[Any]") -> str:
        """`age 34, plan pro, height missing`, of the first columns that a network looks at."""
        told = list[str]()
        for name, names, entry in zip(self.columns, self.categories, value.tolist(), strict=True):
            if names is None:
                told.append(f"{name} {'missing' if math.isnan(entry) else format(entry, '.7g')}")
            elif names:
                told.append(f"{name} {names[int(entry) - 1] if 1 <= entry <= len(names) else 'unknown'}")
        return ", ".join(told[:SHOWN]) + (", …" if len(told) > SHOWN else "")

    def unlike(self, other: Modality) -> str | None:
        """Columns of other names, and those of numbers in one and of categories in the other."""
        if not isinstance(other, Table):
            return super().unlike(other)
        if differing := sorted({*self.columns} ^ {*other.columns}):
            more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
            return f"its columns and the data set's differ in {', '.join(map(repr, differing[:_NAMED]))}{more}"
        theirs = dict(zip(other.columns, other.categories, strict=True))
        for name, names in zip(self.columns, self.categories, strict=True):
            if (names is None and theirs[name]) or (names and theirs[name] is None):
                return f"column {name!r} is of numbers for one of them, and of categories for the other"
        return None

    def translated(self, values: "NDArray[np.float32]", to: Modality) -> "NDArray[np.float32]":
        """In that modality's order of columns, and its codes."""
        if not isinstance(to, Table) or to == self:
            return values
        order = [self.columns.index(name) for name in to.columns]
        return recoded(values[:, order], tuple(self.categories[index] for index in order), to.categories)

    def lost(self, model: Modality) -> str | None:
        """Names of categories, as of those that stand in no row of the training split any more."""
        if not isinstance(model, Table):
            return super().lost(model)
        wanted, kept = known(model.columns, model.categories), set(known(self.columns, self.categories))
        gone = [name for name in wanted if name not in kept]
        if not gone:
            return None
        return f"the data set's columns lack {len(gone):,} of the {len(wanted):,} categories it knows: {listed(gone)}"

    def read(self, file: Path, description: "Description") -> Sequence[Read]:
        """Of each line of a CSV or Parquet file that has these columns; others, as that of the classes, are not needed.

        Which formats there are is no part of a model: their modules are not imported, so that no edit of them makes
        all that was trained on tables out of date.
        """
        return importlib.import_module("compression_ops.data.tables.unlabelled").read(file, self)

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(the columns of numbers and all names of categories)."""
        del shape
        return (len(self.numbers()) + sum(len(names) for names in self.categories if names),)

    def normalize(self, values: "Tensor", description: "Description") -> "Tensor":
        """[N, F] -> float32 [N, F']: numbers in the order of their columns, then the names of each other column."""
        import torch

        columns, codes = self._marks()
        chosen = values[:, self.numbers()].to(torch.float32)
        mean, std = (
            torch.tensor([each[index] for index in self.numbers()], dtype=torch.float32, device=values.device)
            for each in (description.mean, description.std)
        )
        numbers = torch.where(chosen.isnan(), torch.zeros_like(chosen), (chosen - mean) / std)
        marks = values[:, columns] == torch.tensor(codes, dtype=torch.float32, device=values.device)
        return torch.cat([numbers, marks.to(torch.float32)], dim=1)

    def normalize_array(self, values: "NDArray[Any]", description: "Description") -> "NDArray[np.float32]":
        """As `normalize`."""
        import numpy as np

        columns, codes = self._marks()
        chosen = values[:, self.numbers()].astype(np.float32)
        mean, std = (
            np.array([each[index] for index in self.numbers()], np.float32)
            for each in (description.mean, description.std)
        )
        numbers = np.where(np.isnan(chosen), np.float32(0), (chosen - mean) / std)
        marks = values[:, columns] == np.array(codes, np.float32)
        return np.concatenate([numbers, marks.astype(np.float32)], axis=1)

    def nodes(self, output: str, description: "Description", names: Iterator[str]) -> "list[NodeProto]":
        """Constants are nodes, not initializers: nothing that was learned is added."""
        numbers = self.numbers()
        mean, std = ([each[index] for index in numbers] for each in (description.mean, description.std))
        return table_nodes.build(self.input_name, output, names, (numbers, mean, std), self._marks())

    def fields(self) -> dict[str, Any]:
        """Without what the source said."""
        return {"type": self.type, "columns": self.columns, "categories": self.categories}

    def _marks(self) -> tuple[list[int], list[float]]:
        """Of each name of each category: its column and its code."""
        pairs = [
            (index, code) for index, names in enumerate(self.categories) for code in range(1, len(names or ()) + 1)
        ]
        return [index for index, _ in pairs], [float(code) for _, code in pairs]


def _deviation(distances: "NDArray[np.float64]") -> float:
    """Of distances from the mean. Below float32's least normal number nothing could be divided by it."""
    import numpy as np

    return max(math.sqrt(math.fsum(distances**2) / len(distances)), float(np.finfo(np.float32).tiny))
