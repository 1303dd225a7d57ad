"""A user's own table in Parquet: a row a sample, a column of classes, the others numbers or categories.

As the source `csv`, but that a column is of categories where the file says that it is text, be it text of digits.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from compression_ops.data.samples import RawData
from compression_ops.data.tables import labelled
from compression_ops.data.tables.labelled import Rows

if TYPE_CHECKING:
    import pyarrow as pa


class Parquet(Rows):
    source: Literal["parquet"]


def locate(spec: Parquet, folders: Sequence[Path]) -> Path | None:
    """As `labelled.locate`."""
    return labelled.locate(spec, folders)


def files(spec: Parquet, root: Path) -> list[Path]:
    """The table, and that of the test samples."""
    return labelled.files(spec, root)


def examine(spec: Parquet, root: Path) -> None:
    """Raises DataError as `read` does."""
    read(spec, root)


def read(spec: Parquet, root: Path) -> RawData:
    """As `labelled.read`."""
    return labelled.read(spec, root, texts)


def texts(file: Path) -> list[str]:
    """The columns whose type is text. None of a file that is no Parquet: reading it tells."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(file)
    except (pa.ArrowException, OSError):
        return []
    return [field.name for field in schema if _is_text(field.type)]


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    value = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
    return pa.types.is_string(value) or pa.types.is_large_string(value)
