"""A text without a class, for a model that was made from others."""

from pathlib import Path

from compression_ops.data.file_names import shown
from compression_ops.data.tables import table_file
from compression_ops.data.texts import text_file
from compression_ops.errors import DataError

_PARQUET = b"PAR1"


def read(file: Path) -> str:
    """The one text that a file holds, in UTF-8, or in UTF-16 with its mark.

    Raises DataError for a file that cannot be read or is in another encoding, and for a table, of which each row would
    be a text.
    """
    raw = text_file.content(file)
    is_table = not text_file.is_named_like_one(file.name) and file.suffix.lower() in table_file.SUFFIXES
    if is_table or raw.startswith(_PARQUET):
        raise DataError(
            f"{shown(file)}: a table; the model takes a text a file. Save the text of each row in a file of its own, "
            "such as row.txt"
        )
    encoding = next((name for mark, name in text_file.MARKS.items() if raw.startswith(mark)), "utf-8")
    return text_file.decoded(raw, encoding, shown(file), "Save it in UTF-8.")
