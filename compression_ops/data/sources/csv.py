"""A user's own table: a row a sample, a column of classes, the others numbers or categories.

    churn.csv       age,plan,minutes,churned
                    34,basic,210.5,no

CSV of any usual delimiter in UTF-8 (compression_ops.data.tables.table_file). A column is of numbers where every entry
of all rows is one or is missing, and else of categories (compression_ops.data.tables.features).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from compression_ops.data.samples import RawData
from compression_ops.data.tables import labelled
from compression_ops.data.tables.labelled import Rows


class CSV(Rows):
    source: Literal["csv"]


def locate(spec: CSV, folders: Sequence[Path]) -> Path | None:
    """As `labelled.locate`."""
    return labelled.locate(spec, folders)


def files(spec: CSV, root: Path) -> list[Path]:
    """The table, and that of the test samples."""
    return labelled.files(spec, root)


def examine(spec: CSV, root: Path) -> None:
    """Raises DataError as `read` does."""
    read(spec, root)


def read(spec: CSV, root: Path) -> RawData:
    """As `labelled.read`."""
    return labelled.read(spec, root)
