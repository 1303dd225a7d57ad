"""Fashion-MNIST: articles of clothing, 28 x 28, 60,000 to train and 10,000 to test (Xiao et al. 2017)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from compression_ops.data.formats import idx
from compression_ops.data.samples import RawData
from compression_ops.data.spec import DatasetSpec
from compression_ops.progress import ProgressCallback

_NAME = "FashionMNIST"
_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


class FashionMNIST(DatasetSpec):
    source: Literal["fashion_mnist"]

    @property
    def sample_type(self) -> str:
        return "images"


def locate(spec: FashionMNIST, folders: Sequence[Path]) -> Path | None:
    """The first `<folder>/FashionMNIST/raw`, torchvision's layout, that holds all four files, plain or gzipped."""
    return idx.locate(_NAME, folders)


def files(spec: FashionMNIST, root: Path) -> list[Path]:
    """The four raw files, sorted. Raises DataError if one is missing."""
    return idx.files(root)


def download(spec: FashionMNIST, folder: Path, progress: ProgressCallback) -> Path:
    """Fetch the files into `<folder>/FashionMNIST/raw` and return that. Raises DataError where the network fails."""
    return idx.download(_NAME, folder, progress)


def read(spec: FashionMNIST, root: Path) -> RawData:
    """Images uint8 [N, 1, 28, 28]. Raises DataError if a file is missing, damaged or of another shape."""
    return RawData(idx.read_split(root, "train", 28), idx.read_split(root, "t10k", 28), _CLASSES)
