"""The IDX format of MNIST and its relatives: http://yann.lecun.com/exdb/mnist, in torchvision's folder layout.

The files are read directly, gzipped or not, and without a checksum: torchvision's list of MD5 sums refuses copies of
MNIST that differ from the canonical one in a few pixels, and what was read is in the lineage by its digest anyway.
"""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from compression_ops.data.download import RemoteFile, fetch
from compression_ops.data.samples import Samples
from compression_ops.errors import DataError
from compression_ops.progress import ProgressCallback

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_UNSIGNED_BYTE = 0x08
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
    images = read(image_file, 3)
    labels = read(label_file, 1)
    if images.shape[1:] != (side, side):
        found = " x ".join(map(str, images.shape[1:]))
        raise DataError(f"{image_file}: images of {found} pixels; expected {side} x {side}. {_CURE}")
    if len(images) != len(labels):
        raise DataError(
            f"{image_file} holds {len(images)} images, {label_file.name} beside it {len(labels)} labels; "
            f"expected as many labels as images. {_CURE}"
        )
    return Samples(images[:, np.newaxis], labels.astype(np.int64))


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


def read(path: Path, dimensions: int) -> "NDArray[np.uint8]":
    """One IDX file of unsigned bytes with that many dimensions; `.gz` in the name means gzipped.

    The header is two zero bytes, the type (8: unsigned byte), the number of dimensions, and each dimension as a
    big-endian 32-bit integer. Raises DataError if the content is anything else or its length does not fit.
    """
    import numpy as np

    content = _content(path)
    expected = bytes((0, 0, _UNSIGNED_BYTE, dimensions))
    if content[:4] != expected:
        raise DataError(
            f"{path}: begins with the bytes {content[:4].hex(' ') or '(none)'}; expected {expected.hex(' ')}, the head "
            f"of an IDX file of unsigned bytes in {dimensions} dimension(s). {_CURE}"
        )
    header = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(content[start : start + 4], "big") for start in range(4, header, 4))
    length = header + int(np.prod(shape, dtype=object))
    if len(content) != length:
        raise DataError(
            f"{path}: {len(content):,} bytes; expected {length:,} for the shape {list(shape)} in its head. {_CURE}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
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
