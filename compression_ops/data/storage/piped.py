"""What a user pipes into a command, read as a file is: from its beginning, as often as its format asks."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from compression_ops.data.file_names import shown
from compression_ops.data.modalities.modality import Read
from compression_ops.errors import DataError, MemoryLimitError

STANDARD_INPUT = Path("-")


def is_piped(file: Path) -> bool:
    """Whether it can be read once only: standard input, by the name `-`, or a pipe."""
    try:
        return file == STANDARD_INPUT or file.is_fifo() or file.is_char_device() or file.is_socket()
    except OSError:
        return False


def read(file: Path, reader: Callable[[Path], Sequence[Read]]) -> list[Read]:
    """What `reader` makes of a pipe, of which it is given a copy on disk; all that it tells names the pipe.

    Raises what `reader` raises, and DataError where the pipe cannot be read.
    """
    suffix = file.suffix if file.suffix.isascii() and file.suffix.isprintable() else ""
    with tempfile.TemporaryDirectory(prefix="compression-") as folder:
        copy = Path(folder) / f"piped{suffix}"

        def renamed(told: str) -> str:
            return told.replace(str(copy), shown(file))

        try:
            _copy(file, copy)
            found = reader(copy)
        except (DataError, MemoryLimitError) as error:
            raise type(error)(renamed(str(error))) from error
    return [
        each._replace(name=renamed(each.name), fault=None if each.fault is None else renamed(each.fault))
        for each in found
    ]


def _copy(file: Path, to: Path) -> None:
    try:
        is_input = file == STANDARD_INPUT
        with open(0 if is_input else file, "rb", closefd=not is_input) as source, to.open("wb") as target:
            shutil.copyfileobj(source, target)
    except OSError as error:
        raise DataError(f"{shown(file)}: cannot be read ({error.strerror or error}). Save it as a file.") from error
