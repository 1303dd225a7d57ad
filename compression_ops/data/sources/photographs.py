"""Ten photographs in squares of 32 x 32 pixels, by which of them a square is cut from: a colour data set of CIFAR-10's
shape that needs no network. scikit-image and scikit-learn bring the photographs along.

The squares do not overlap, so that no pixel lies in two splits, and at most 400 are taken of a photograph, evenly over
it. Read from the files that both install, without importing either.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.errors import DataError
from compression_ops.progress import ProgressCallback

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIDE = 32
_MOST = 400  # squares of a photograph
_TEST_FRACTION = 0.2
# Class, file and package of each, by class.
_PHOTOGRAPHS = (
    ("astronaut", "astronaut.png", "skimage/data"),
    ("cat", "chelsea.png", "skimage/data"),
    ("coffee", "coffee.png", "skimage/data"),
    ("flower", "flower.jpg", "sklearn/datasets/images"),
    ("galaxies", "hubble_deep_field.jpg", "skimage/data"),
    ("motorcycle", "motorcycle_left.png", "skimage/data"),
    ("retina", "retina.jpg", "skimage/data"),
    ("rocket", "rocket.jpg", "skimage/data"),
    ("temple", "china.jpg", "sklearn/datasets/images"),
    ("tissue", "ihc.png", "skimage/data"),
)
_CURE = "Install it again: pip install --force-reinstall scikit-image scikit-learn"


class Photographs(DatasetSpec):
    source: Literal["photographs"]

    @property
    def sample_type(self) -> str:
        return "images"


def locate(spec: Photographs, folders: Sequence[Path]) -> Path | None:
    """The folder into which scikit-image and scikit-learn are installed; None where it holds not all photographs."""
    package = importlib.util.find_spec("skimage")
    places = [Path(place).parent for place in (package.submodule_search_locations or ())] if package else []
    return next((root for root in places if all(path.is_file() for path in files(spec, root))), None)


def files(spec: Photographs, root: Path) -> list[Path]:
    """The ten files, sorted."""
    return sorted(root / folder / name for _, name, folder in _PHOTOGRAPHS)


def download(spec: Photographs, folder: Path, progress: ProgressCallback) -> NoReturn:
    """Nothing is fetched by itself. Raises DataError that says what to install."""
    raise DataError(
        "source photographs: the photographs that scikit-image and scikit-learn bring along are not installed in one "
        "folder of packages. Install both: pip install scikit-image scikit-learn"
    )


def read(spec: Photographs, root: Path) -> RawData:
    """Images uint8 [N, 3, 32, 32], red, green, blue. Raises DataError if a photograph is missing or damaged."""
    import numpy as np

    found = [_squares(_pixels(root / folder / name)) for _, name, folder in _PHOTOGRAPHS]
    labels = np.repeat(np.arange(len(found), dtype=np.int64), [len(squares) for squares in found])
    classes = tuple(label for label, _, _ in _PHOTOGRAPHS)
    return RawData(Samples(np.concatenate(found), labels), HoldOut(_TEST_FRACTION), classes)


def _pixels(path: Path) -> "NDArray[np.uint8]":
    """A photograph, [H, W, 3]."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise DataError(f"{path}: a photograph cannot be read ({error}). {_CURE}") from error


def _squares(photograph: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """[H, W, 3] -> [n, 3, 32, 32], row by row from the upper left; what is left at the right and below is not used."""
    import numpy as np

    down, across = photograph.shape[0] // _SIDE, photograph.shape[1] // _SIDE
    whole = photograph[: down * _SIDE, : across * _SIDE]
    squares = whole.reshape(down, _SIDE, across, _SIDE, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, _SIDE, _SIDE)
    taken = np.unique(np.linspace(0, len(squares) - 1, _MOST).round().astype(np.int64))
    return np.ascontiguousarray(squares[taken])
