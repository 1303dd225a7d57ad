"""A user's own arrays in one NumPy archive.

Arrays, by name, in any of these three sets (the last two are those of Keras and of MedMNIST):

    images, labels                                 the test split is held out by content
    x_train, y_train, x_test, y_test
    train_images, train_labels, test_images, test_labels, and perhaps val_images, val_labels, which join the training
                                                   ones: validation is cut from them as everywhere

images     [N, H, W], [N, H, W, C] or [N, C, H, W] with 1 to 4 channels, one type of pixel:
           bool; integers 0 to 255; floats 0 to 1, which are rounded to x * 255
labels     integers 0 to K - 1, [N] or [N, 1]
classes    K names (optional, strings); without it the names are "0", "1", ...

With `groups: patient` a further array says which samples no split may part, integers or strings, [N] or [N, 1]. It is
named as the labels are: patient; patient_train, patient_test; train_patient, test_patient, val_patient. That of test
may be missing.
"""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from compression_ops.data.groups import of_array
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHANNELS = range(1, 5)
# (images, labels) of the training samples, of the test samples, of samples that join the training ones.
_LAYOUTS = (
    (("images", "labels"), None, None),
    (("x_train", "y_train"), ("x_test", "y_test"), None),
    (("train_images", "train_labels"), ("test_images", "test_labels"), ("val_images", "val_labels")),
)
# What zipfile and numpy raise for bytes that are no archive of arrays; the last two, for encryption and rare packings.
_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    NotImplementedError,
)
_NAMES = {"classes", *(name for layout in _LAYOUTS for pair in layout for name in pair or ())}
_ALLOWED = (
    "images, labels; or x_train, y_train, x_test, y_test; or train_images, train_labels, test_images, test_labels"
)


class NPZ(DatasetSpec):
    source: Literal["npz"]
    path: str = Field(min_length=1, description="The .npz file.")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where the file has no test arrays of its own."
    )
    groups: str | None = Field(
        default=None,
        min_length=1,
        description="Array whose equal entries mark samples that no split parts, such as `patient`; none by default.",
    )


def locate(spec: NPZ, folders: Sequence[Path]) -> Path | None:
    """The file `path`: as it is, or where relative also in each of `folders`; None where there is none."""
    path = Path(spec.path).expanduser()
    return next((place for place in (path, *(folder / path for folder in folders)) if place.is_file()), None)


def files(spec: NPZ, root: Path) -> list[Path]:
    """The one file."""
    return [root]


def read(spec: NPZ, root: Path) -> RawData:
    """Images uint8 [N, C, H, W].

    Raises DataError if the file is no NumPy archive, lacks arrays, holds them as Python objects (as images of differing
    shapes are: such arrays are pickles, which are never loaded), or if pixels or labels are of a wrong shape, type or
    range. Arrays of other names are left alone.
    """
    import numpy as np

    arrays = _load(root, spec.groups)
    training, test, joining = _layout(root, arrays)
    warnings = list[str]()
    train = _samples(root, arrays, training, warnings, spec.groups)
    if joining is not None:
        extra = _samples(root, arrays, joining, warnings, spec.groups)
        if extra.images.shape[1:] != train.images.shape[1:]:
            raise DataError(
                f"{root}: images of differing shapes: {train.images.shape[1:]} in {training[0]}, "
                f"{extra.images.shape[1:]} in {joining[0]} (channels, height, width); all must be equal."
            )
        images = np.concatenate([train.images, extra.images])
        both = None if train.groups is None or extra.groups is None else np.concatenate([train.groups, extra.groups])
        train = Samples(images, np.concatenate([train.labels, extra.labels]), both)
    if test is None:
        held = HoldOut(spec.test_fraction)
    else:
        stated = spec.groups if spec.groups and _beside(test, spec.groups) in arrays else None
        held = _samples(root, arrays, test, warnings, stated)
    labels = [train.labels] if isinstance(held, HoldOut) else [train.labels, held.labels]
    return RawData(train, held, _classes(root, arrays, labels), tuple(warnings))


def _load(root: Path, groups: str | None) -> dict[str, "NDArray[Any]"]:
    import numpy as np

    pairs = [pair for layout in _LAYOUTS for pair in layout if pair]
    wanted = _NAMES if groups is None else {*_NAMES, *(_beside(pair, groups) for pair in pairs)}
    arrays: dict[str, Any] = {}
    try:
        with root.open("rb") as file, zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                if member.removesuffix(".npy") in wanted:
                    with archive.open(member) as content:
                        arrays[member.removesuffix(".npy")] = np.lib.format.read_array(content, allow_pickle=False)
    except _DAMAGED as error:
        reason = (
            "an array of Python objects, such as images of differing shapes; only arrays of numbers are read"
            if "allow_pickle" in str(error)
            else f"not a complete NumPy archive ({type(error).__name__}: {error})"
        )
        raise DataError(f"{root}: {reason}. Write it with numpy.savez from arrays of one shape each.") from error
    return arrays


_Pair = tuple[str, str]


def _layout(root: Path, arrays: Mapping[str, Any]) -> tuple[_Pair, _Pair | None, _Pair | None]:
    for training, test, joining in _LAYOUTS:
        if arrays.keys() >= {*training, *(test or ())}:
            has_more = joining is not None and arrays.keys() >= set(joining)
            return training, test, joining if has_more else None
    raise DataError(f"{root}: of the known arrays it holds {sorted(arrays)}; needed are {_ALLOWED}. Rename them.")


def _samples(
    root: Path, arrays: Mapping[str, "NDArray[Any]"], names: _Pair, warnings: list[str], groups: str | None
) -> Samples:
    images, labels = (arrays[name] for name in names)
    where = f"{root}: {names[0]}"
    pixels = _channels_first(images, where)
    numbers = _to_labels(labels, f"{root}: {names[1]}")
    members = None if groups is None else _groups(root, arrays, _beside(names, groups), len(numbers))
    return Samples(_to_bytes(pixels, where, warnings), numbers, members)


def _beside(names: _Pair, groups: str) -> str:
    """The array of groups that belongs to images and labels: `patient_train` to `x_train, y_train`."""
    old = "labels" if "labels" in names[1] else "y"
    return names[1].replace(old, groups)


def _groups(root: Path, arrays: Mapping[str, "NDArray[Any]"], name: str, samples: int) -> "NDArray[np.str_]":
    if name not in arrays:
        with zipfile.ZipFile(root) as archive:
            found = [member.removesuffix(".npy") for member in archive.namelist()]
        raise DataError(
            f"{root}: dataset.groups asks for the array {name}; it holds {', '.join(found)}. Add the array, with an "
            f"entry a sample, or name one that is there."
        )
    return of_array(arrays[name], samples, f"{root}: {name}")


def _channels_first(images: "NDArray[Any]", where: str) -> "NDArray[Any]":
    """[N, H, W] or [N, H, W, C] or [N, C, H, W] -> [N, C, H, W]."""
    shape = list(images.shape)
    if images.ndim == 3:
        return images[:, None]
    first, last = (images.ndim == 4 and shape[axis] in _CHANNELS for axis in (1, -1))
    if first == last:
        found = "could be channels first or last" if first else "is not of images"
        raise DataError(
            f"{where}: the shape {shape} {found}; allowed are [N, H, W], [N, H, W, C] and [N, C, H, W] with C from 1 "
            f"to 4 and H, W above 4. Reshape it."
        )
    return images if first else images.transpose(0, 3, 1, 2)


def _to_bytes(images: "NDArray[Any]", where: str, warnings: list[str]) -> "NDArray[np.uint8]":
    """Pixels of any allowed type as uint8, C-contiguous; a rounding that loses something is told in `warnings`."""
    import numpy as np

    kind = images.dtype.kind
    if kind == "b":
        return np.ascontiguousarray(images, np.uint8) * np.uint8(255)
    if kind not in "uif":
        raise DataError(f"{where}: pixels of type {images.dtype}; allowed are bool, integers and floats. Convert them.")
    top, scale = (1, 255) if kind == "f" else (255, 1)
    # NaN compares false, so it counts as outside; infinities do anyway.
    inside = (images >= 0) & (images <= top)
    if not inside.all():
        at = tuple(int(i) for i in np.argwhere(~inside)[0])
        raise DataError(
            f"{where}: {np.count_nonzero(~inside):,} pixel(s) of type {images.dtype} outside 0 to {top}, first at "
            f"[sample, channel, row, column] = {list(at)} with value {images[at]}; allowed are integers 0 to 255 or "
            f"floats 0 to 1. Scale or remove them."
        )
    if kind != "f":
        return np.ascontiguousarray(images, np.uint8)
    rounded = np.rint(images.astype(np.float64) * scale)
    if not np.allclose(rounded / scale, images, rtol=0, atol=1e-3):
        warnings.append(f"{where}: floats were rounded to 256 levels, as all images are stored in 8 bits.")
    return np.ascontiguousarray(rounded, np.uint8)


def _to_labels(labels: "NDArray[Any]", where: str) -> "NDArray[np.int64]":
    import numpy as np

    if labels.dtype.kind not in "ui" or not (labels.ndim == 1 or (labels.ndim == 2 and labels.shape[1] == 1)):
        raise DataError(
            f"{where}: {labels.dtype} {list(labels.shape)}; allowed are integers, one an image ([N] or [N, 1]): class "
            f"numbers from 0, not one-hot rows or names. Convert them."
        )
    if labels.size and int(labels.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{where}: label {labels.max()} is out of range. Number the classes from 0.")
    return labels.reshape(-1).astype(np.int64)


def _classes(
    root: Path, arrays: Mapping[str, "NDArray[Any]"], labels: Sequence["NDArray[np.int64]"]
) -> tuple[str, ...]:
    if "classes" not in arrays:
        count = 1 + max((int(part.max()) for part in labels if part.size), default=-1)
        return _numbered(root, count, sum(part.size for part in labels))
    names = arrays["classes"]
    if names.ndim != 1 or names.dtype.kind != "U":
        raise DataError(f"{root}: classes is {names.dtype} {list(names.shape)}; allowed is one row of strings.")
    return tuple(str(name) for name in names)


def _numbered(root: Path, count: int, samples: int) -> tuple[str, ...]:
    # A stray huge label would ask for as many class names.
    if count > samples:
        raise DataError(
            f"{root}: the largest label is {count - 1} with {samples} samples; a class would be empty. Number the "
            f"classes from 0 without gaps, or correct the label."
        )
    return tuple(str(label) for label in range(count))
