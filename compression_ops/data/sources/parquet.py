"""A user's own table in Parquet: a row a sample, a column of classes, the others numbers or categories.

As the source `csv`, but that a column is of categories where the file says that it is text, be it text of digits.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.data.samples import RawData
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.tables import labelled
from compression_ops.data.tables.labelled import Columns

if TYPE_CHECKING:
    import pyarrow as pa


class Parquet(DatasetSpec):
    source: Literal["parquet"]
    path: str = Field(min_length=1, description="The table.")
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


def locate(spec: Parquet, folders: Sequence[Path]) -> Path | None:
    """The file `path`: as it is, or where relative also in each of `folders`; None where it or the test file is not."""
    path = Path(spec.path).expanduser()
    found = next((place for place in (path, *(folder / path for folder in folders)) if place.is_file()), None)
    return found if found is not None and all(file.is_file() for file in files(spec, found)) else None


def files(spec: Parquet, root: Path) -> list[Path]:
    """The table, and that of the test samples."""
    test = _test(spec, root)
    return [root] if test is None else [root, test]


def examine(spec: Parquet, root: Path) -> None:
    """Raises DataError as `read` does."""
    read(spec, root)


def read(spec: Parquet, root: Path) -> RawData:
    """Rows float32 [N, F]; classes are the target's entries in natural order. Raises DataError as `labelled.read`."""
    asked = Columns(spec.target, spec.columns, spec.categories, spec.groups)
    return labelled.read(root, _test(spec, root), asked, spec.test_fraction, texts)


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


def _test(spec: Parquet, root: Path) -> Path | None:
    return None if spec.test_path is None else root.parent / Path(spec.test_path).expanduser()
