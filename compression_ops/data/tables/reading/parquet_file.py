"""Parquet as columns, some rows of a group at a time."""

from collections.abc import Collection
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.data.file_names import lines, shown
from compression_ops.data.storage import memory
from compression_ops.data.tables.reading.columns import FEWER, Columns, taken
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyarrow.parquet import FileMetaData

MARK = b"PAR1"
_ROWS = 1 << 16  # that are read at a time
_VALUE_BYTES = 16  # in memory of an entry, and of its row


def read(path: Path, wanted: Collection[str] | None, texts: Collection[str] | None) -> tuple[tuple[str, ...], Columns]:
    """As `csv_file.read`."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
        asked = taken(path, schema.names, wanted)
        nested = [name for name, index in asked.items() if not _is_plain(schema.field(index).type)]
        if wanted is not None and nested:
            told_of = lines([f"{name}: {schema.field(asked[name]).type}" for name in nested])
            raise DataError(f"{shown(path)}: columns that are neither text nor numbers; convert them:{told_of}")
        plain = [name for name in asked if name not in nested]
        read_as_texts = [name for name in plain if _is_text(schema.field(asked[name]).type)]
        with parquet.ParquetFile(path, read_dictionary=read_as_texts) as file:
            _require_room(path, file.metadata, plain)
            columns = Columns(path, file.metadata.num_rows, plain, texts)
            numbers = () if texts is None else {name for name in plain if name not in texts}
            # Of all groups at once, those that were read stay in memory.
            groups = [[number] for number in range(file.num_row_groups)]
            batches = (file.iter_batches(_ROWS, each, columns=plain, use_threads=False) for each in groups)
            for batch in chain.from_iterable(batches):
                first = len(columns.places) + 1
                parts = [_part(batch.column(name), name in numbers) for name in plain]
                columns.add(range(first, first + len(batch)), parts, first + len(batch) - 1)
    except pa.ArrowException as error:
        raise DataError(f"{shown(path)}: not a Parquet file that can be read: {shown(error)}. Save it anew.") from error
    return tuple(schema.names), columns


def _require_room(path: Path, head: "FileMetaData", names: Collection[str]) -> None:
    """A file of some bytes can tell of any number of rows that are all alike."""
    groups = [head.row_group(number) for number in range(head.num_row_groups)]
    sizes = [
        sum(
            part.total_uncompressed_size
            for part in map(group.column, range(head.num_columns))
            if part.path_in_schema in names
        )
        for group in groups
    ]
    memory.require(shown(path), max(sizes, default=0) + _VALUE_BYTES * head.num_rows * (len(names) + 1), FEWER)


def _part(column: "pa.Array[Any]", may_be_numbers: bool) -> "list[str] | pa.Array[Any] | NDArray[np.float64]":
    import pyarrow as pa

    if may_be_numbers and (values := _numbers(column)) is not None:
        return values
    if not isinstance(column, pa.DictionaryArray) or not _is_text(column.type.value_type):
        return _texts(column)
    # Null has a place of its own, the last one, as the entry "".
    texts = pa.array([*_texts(column.dictionary), ""], pa.large_string())
    return pa.DictionaryArray.from_arrays(column.indices.fill_null(len(texts) - 1), texts)


def _numbers(column: "pa.Array[Any]") -> "NDArray[np.float64] | None":
    """None of what is another type, and of infinities: as text they are no numbers."""
    import numpy as np
    import pyarrow as pa

    kind = column.type
    if not pa.types.is_integer(kind) and not pa.types.is_float32(kind) and not pa.types.is_float64(kind):
        return None
    if not column.null_count:
        values = column.to_numpy(zero_copy_only=False).astype(np.float64)
    else:
        is_there = column.is_valid().to_numpy(zero_copy_only=False)
        values = np.full(len(column), np.nan)
        values[is_there] = column.drop_null().to_numpy(zero_copy_only=False)
    return None if np.isinf(values).any() else values


def _texts(column: "pa.Array[Any]") -> list[str]:
    """Of a column that comes with its different values, each of these is one string, however often it stands there."""
    import pyarrow as pa

    if isinstance(column, pa.DictionaryArray):
        values = [_entry(value) for value in column.dictionary.to_pylist()]
        return ["" if index is None else values[index] for index in column.indices.to_pylist()]
    return [_entry(value) for value in column.to_pylist()]


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_plain(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    value = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
    return not pa.types.is_nested(value) and not pa.types.is_binary(value) and not pa.types.is_large_binary(value)


def _entry(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()  # NaN alone differs from itself
