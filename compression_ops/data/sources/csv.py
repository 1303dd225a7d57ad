"""A user's own table: a row a sample, a column of classes, the others numbers or categories.

    churn.csv       age,plan,minutes,churned
                    34,basic,210.5,no

CSV of any usual delimiter in UTF-8 (compression_ops.data.tables.table_file). A column is of numbers where every entry
of all rows is one or is missing, and else of categories (compression_ops.data.tables.features).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from compression_ops.data.samples import RawData
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.tables import labelled
from compression_ops.data.tables.labelled import Columns


class CSV(DatasetSpec):
    source: Literal["csv"]
    path: str = Field(min_length=1, description="The table, with the columns' names in its first line.")
    target: str = Field(min_length=1, description="Column of the classes: text or whole numbers.")
    test_path: str | None = Field(
        default=None,
        min_length=1,
        description="Table of the test samples, relative to the other's folder; by default some are held out.",
    )
    columns: list[str] | None = Field(
        default=None, min_length=1, description="Columns that a network is given; by default all others."
    )
    categories: list[str] = Field(
        default=[], description="Columns of numbers that are names, as postcodes; each number is one of its own."
    )
    groups: str | None = Field(
        default=None,
        min_length=1,
        description="Column whose equal entries mark rows that no split parts, as `patient`; none by default.",
    )
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where there is no `test_path`."
    )


def locate(spec: CSV, folders: Sequence[Path]) -> Path | None:
    """The file `path`: as it is, or where relative also in each of `folders`; None where it or the test file is not."""
    path = Path(spec.path).expanduser()
    found = next((place for place in (path, *(folder / path for folder in folders)) if place.is_file()), None)
    return found if found is not None and all(file.is_file() for file in files(spec, found)) else None


def files(spec: CSV, root: Path) -> list[Path]:
    """The table, and that of the test samples."""
    test = _test(spec, root)
    return [root] if test is None else [root, test]


def examine(spec: CSV, root: Path) -> None:
    """Raises DataError as `read` does."""
    read(spec, root)


def read(spec: CSV, root: Path) -> RawData:
    """Rows float32 [N, F]; classes are the target's entries in natural order. Raises DataError as `labelled.read`."""
    asked = Columns(spec.target, spec.columns, spec.categories, spec.groups)
    return labelled.read(root, _test(spec, root), asked, spec.test_fraction)


def _test(spec: CSV, root: Path) -> Path | None:
    return None if spec.test_path is None else root.parent / Path(spec.test_path).expanduser()
