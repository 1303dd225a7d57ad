"""CIFAR-10: small photographs, 32 x 32, 50,000 to train and 10,000 to test (Krizhevsky 2009).

Read from the authors' *binary version* (`cifar-10-batches-bin`). Their python version (`cifar-10-batches-py`, which
torchvision uses) is a set of pickles, and a pickle is a program: none is ever loaded here. Both hold the same images.
"""

import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

from compression_ops.data.download import RemoteFile, fetch
from compression_ops.data.samples import RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.storage import memory
from compression_ops.errors import DataError
from compression_ops.progress import ProgressCallback

_FOLDER = "cifar-10-batches-bin"
_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_TEST = ("test_batch.bin",)
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_PIXELS = 3 * 32 * 32
_ARCHIVE = RemoteFile(
    "cifar-10-binary.tar.gz",
    "c32a1d4ab5d03f1284b67883e8d87530",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
)
_CURE = (
    f"Either connect to the network, or unpack {_ARCHIVE.name} (not the python version) so that the folder {_FOLDER} "
    f"with {', '.join(_TRAIN + _TEST)} lies in the folder that COMPRESSION_DATA names."
)


class CIFAR10(DatasetSpec):
    source: Literal["cifar10"]

    @property
    def sample_type(self) -> str:
        return "images"


def locate(spec: CIFAR10, folders: Sequence[Path]) -> Path | None:
    """The first `<folder>/cifar-10-batches-bin` that holds all six batches; None where there is none."""
    candidates = (folder / _FOLDER for folder in folders)
    return next((root for root in candidates if all((root / name).is_file() for name in _TRAIN + _TEST)), None)


def files(spec: CIFAR10, root: Path) -> list[Path]:
    """The six batches, sorted."""
    return [root / name for name in sorted(_TRAIN + _TEST)]


def download(spec: CIFAR10, folder: Path, progress: ProgressCallback) -> Path:
    """Fetch and unpack the binary version into `<folder>/cifar-10-batches-bin` and return that.

    Raises DataError where the network fails or the archive does not hold the six batches.
    """
    [archive] = fetch([_ARCHIVE], folder, _CURE, progress)
    # Unpacked aside and renamed, so that an interruption leaves no half of a data set.
    aside = folder / f".{_FOLDER}"
    try:
        aside.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            for name in _TRAIN + _TEST:
                with _opened(tar, f"{_FOLDER}/{name}") as source, (aside / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise DataError(f"{archive}: not the archive of CIFAR-10's binary version ({error}). Delete it.") from error
    root = folder / _FOLDER
    root.mkdir(exist_ok=True)
    for name in _TRAIN + _TEST:
        (aside / name).replace(root / name)
    aside.rmdir()
    archive.unlink()
    return root


def _opened(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """A member's bytes, and nothing else that an archive can say of it. Raises KeyError if it is not a file in it."""
    stream = tar.extractfile(name)
    if stream is None:
        raise KeyError(f"{name} is no file")
    return stream


def read(spec: CIFAR10, root: Path) -> RawData:
    """Images uint8 [N, 3, 32, 32], red, green, blue. Raises DataError if a batch is missing or cut short."""
    return RawData(_read(root, _TRAIN), _read(root, _TEST), _CLASSES)


def _read(root: Path, names: Sequence[str]) -> Samples:
    import numpy as np

    memory.require(str(root), sum(3 * path.stat().st_size for name in names if (path := root / name).is_file()))
    records = np.concatenate([np.frombuffer(_content(root / name), np.uint8) for name in names])
    records = records.reshape(-1, 1 + _PIXELS)
    images = np.ascontiguousarray(records[:, 1:]).reshape(-1, 3, 32, 32)
    return Samples(images, records[:, 0].astype(np.int64))


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). {_CURE}") from error
    if not content or len(content) % (1 + _PIXELS):
        raise DataError(
            f"{path}: {len(content):,} bytes; expected a positive multiple of {1 + _PIXELS:,} (a label and {_PIXELS:,} "
            f"pixels). Replace the file by an undamaged one from {_ARCHIVE.name}."
        )
    return content
