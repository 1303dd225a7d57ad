"""The IDX format of MNIST and its relatives: http://yann.lecun.com/exdb/mnist, in torchvision's folder layout.

The files are read directly, gzipped or not, and without a checksum: torchvision's list of MD5 sums refuses copies of
MNIST that differ from the canonical one in a few pixels, and what was read is in the lineage by its digest anyway.
"""

import gzip
import math
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, cast

from compression_ops.data.download import RemoteFile, fetch
from compression_ops.data.samples import Samples
from compression_ops.data.storage import memory
from compression_ops.errors import DataError
from compression_ops.progress import ProgressCallback

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_UNSIGNED_BYTE = 0x08
_BLOCK = 1 << 24  # bytes
_DEFLATED = 1032  # times as long as what gzip makes of them bytes are at most
_CURE = "Replace the file by an undamaged copy of the right one."
_NAMES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte", "train-labels-idx1-ubyte")


def locate(name: str, folders: Sequence[Path]) -> Path | None:
    """The first `<folder>/<name>/raw` that holds all four files, each plain or gzipped; None where there is none."""
    candidates = (folder / name / "raw" for folder in folders)
    return next((root for root in candidates if all(_choose(root, file) for file in _NAMES)), None)


def files(root: Path) -> list[Path]:
    """The four files that `read_split` reads, sorted. Of a file and its gzipped twin, the plain one.

    Raises DataError if one is missing.
    """
    return sorted(_existing(root, name) for name in _NAMES)


def read_split(root: Path, split: Literal["train", "t10k"], side: int) -> Samples:
    """The images (uint8 [N, 1, side, side]) and labels of one half of the data set.

    Raises DataError if a file is missing, is not IDX, is cut short or too long, or if the two do not match.
    """
    import numpy as np

    image_file = _existing(root, f"{split}-images-idx3-ubyte")
    label_file = _existing(root, f"{split}-labels-idx1-ubyte")
    count, *sides = shape(image_file, 3)
    (labelled,) = shape(label_file, 1)
    if sides != [side, side]:
        found = " x ".join(map(str, sides))
        raise DataError(f"{image_file}: images of {found} pixels; expected {side} x {side}. {_CURE}")
    if count != labelled:
        raise DataError(
            f"{image_file} holds {count} images, {label_file.name} beside it {labelled} labels; "
            f"expected as many labels as images. {_CURE}"
        )
    return Samples(read(image_file, 3)[:, np.newaxis], read(label_file, 1).astype(np.int64))


def download(name: str, folder: Path, progress: ProgressCallback) -> Path:
    """Fetch the gzipped files of torchvision's data set `name` into `<folder>/<name>/raw`, and return that.

    Raises DataError if the network fails.
    """
    from torchvision import datasets

    published = getattr(datasets, name)
    remote = [
        RemoteFile(file, md5, tuple(mirror + file for mirror in published.mirrors)) for file, md5 in published.resources
    ]
    root = folder / name / "raw"
    cure = (
        f"Either connect to the network, or put {', '.join(file.name for file in remote)} (as they are or gunzipped) "
        f"into the folder {name}/raw under the folder that COMPRESSION_DATA names."
    )
    fetch(remote, root, cure, progress)
    return root


def shape(path: Path, dimensions: int) -> tuple[int, ...]:
    """What an IDX file says of its shape. Raises DataError as `read` does, but for the length."""
    with _opened(path) as stream:
        return _shape(path, stream, dimensions)


def read(path: Path, dimensions: int) -> "NDArray[np.uint8]":
    """One IDX file of unsigned bytes with that many dimensions; `.gz` in the name means gzipped.

    The header is two zero bytes, the type (8: unsigned byte), the number of dimensions, and each dimension as a
    big-endian 32-bit integer. Raises DataError if the content is anything else or its length does not fit; of a file
    that is longer no more is unpacked than its head tells of.
    """
    import numpy as np

    header = 4 + 4 * dimensions
    with _opened(path) as stream:
        shape = _shape(path, stream, dimensions)
        length, size = math.prod(shape), path.stat().st_size
        memory.require(str(path), 2 * min(length, size if path.suffix != ".gz" else _DEFLATED * size))
        content = bytearray()
        while len(content) <= length and (block := stream.read(min(length + 1 - len(content), _BLOCK))):
            content += block
    if len(content) != length:
        found = f"{header + len(content):,}" if len(content) < length else f"more than {header + length:,}"
        raise DataError(
            f"{path}: {found} bytes; expected {header + length:,} for the shape {list(shape)} in its head. {_CURE}"
        )
    return np.frombuffer(bytes(content), np.uint8).reshape(shape)


def _shape(path: Path, stream: IO[bytes], dimensions: int) -> tuple[int, ...]:
    head = stream.read(4 + 4 * dimensions)
    expected = bytes((0, 0, _UNSIGNED_BYTE, dimensions))
    if head[:4] != expected:
        raise DataError(
            f"{path}: begins with the bytes {head[:4].hex(' ') or '(none)'}; expected {expected.hex(' ')}, the head "
            f"of an IDX file of unsigned bytes in {dimensions} dimension(s). {_CURE}"
        )
    if len(head) < 4 + 4 * dimensions:
        raise DataError(f"{path}: {len(head)} bytes; expected a head of {4 + 4 * dimensions}. {_CURE}")
    return tuple(int.from_bytes(head[start : start + 4], "big") for start in range(4, len(head), 4))


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield cast("IO[bytes]", stream)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: not a complete gzip file ({error}). {_CURE}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Check that it exists and its rights.") from error


def _choose(root: Path, name: str) -> Path | None:
    return next((path for path in (root / name, root / f"{name}.gz") if path.is_file()), None)


def _existing(root: Path, name: str) -> Path:
    path = _choose(root, name)
    if path is None:
        raise DataError(f"{root / name}: neither this file nor {name}.gz is there. Put one of them into {root}.")
    return path
