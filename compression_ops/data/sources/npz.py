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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from compression_ops.data.file_names import listed
from compression_ops.data.formats import npz_archive
from compression_ops.data.formats.npz_archive import Archive
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.splits.groups import of_array
from compression_ops.data.storage.spool import Spool
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
_NAMES = frozenset({"classes", *(name for layout in _LAYOUTS for pair in layout for name in pair or ())})
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


def examine(spec: NPZ, root: Path) -> None:
    """Raises DataError as `read` does, for what the heads of the arrays say: which there are, and of which shape."""
    with npz_archive.opened(root, _wanted(spec.groups)) as archive:
        _checked(root, archive, spec.groups)


def read(spec: NPZ, root: Path) -> RawData:
    """Images uint8 [N, C, H, W], unpacked block by block into a spool (see compression_ops.data.storage.spool).

    Raises DataError if the file is no NumPy archive, lacks arrays, holds them as Python objects (as images of differing
    shapes are: such arrays are pickles, which are never loaded), or if pixels or labels are of a wrong shape, type or
    range. Arrays of other names are left aside, with a warning.
    """
    import numpy as np

    with npz_archive.opened(root, _wanted(spec.groups)) as archive:
        training, test, joining = _checked(root, archive, spec.groups)
        parts = [training] if joining is None else [training, joining]
        warnings = _left_aside(root, archive, spec.groups)
        train_labels = [_to_labels(archive, root, names[1]) for names in parts]
        counted = zip(parts, train_labels, strict=True)
        members = [_groups(root, archive, names, spec.groups, len(labels)) for names, labels in counted if spec.groups]
        images = _images(archive, root, [names[0] for names in parts], warnings)
        train = Samples(images, np.concatenate(train_labels), np.concatenate(members) if members else None)
        held = HoldOut(spec.test_fraction)
        if test is not None:
            labels = _to_labels(archive, root, test[1])
            is_grouped = spec.groups is not None and _beside(test, spec.groups) in archive.heads
            apart = _groups(root, archive, test, spec.groups, len(labels)) if spec.groups and is_grouped else None
            held = Samples(_images(archive, root, [test[0]], warnings), labels, apart)
        labels = train_labels if isinstance(held, HoldOut) else [*train_labels, held.labels]
        return RawData(train, held, _classes(root, archive, labels), tuple(warnings))


def _wanted(groups: str | None) -> frozenset[str]:
    """The arrays that are looked for."""
    pairs = [pair for layout in _LAYOUTS for pair in layout if pair]
    return _NAMES if groups is None else _NAMES | {_beside(pair, groups) for pair in pairs}


def _left_aside(root: Path, archive: Archive, groups: str | None) -> list[str]:
    others = sorted(set(archive.members) - _wanted(groups))
    if not others:
        return []
    return [f"{root}: {listed(others)} in it mean nothing here and were left aside; names of classes are `classes`."]


_Pair = tuple[str, str]


def _layout(root: Path, arrays: Mapping[str, Any]) -> tuple[_Pair, _Pair | None, _Pair | None]:
    for training, test, joining in _LAYOUTS:
        if arrays.keys() >= {*training, *(test or ())}:
            has_more = joining is not None and arrays.keys() >= set(joining)
            return training, test, joining if has_more else None
    raise DataError(f"{root}: of the known arrays it holds {sorted(arrays)}; needed are {_ALLOWED}. Rename them.")


def _beside(names: _Pair, groups: str) -> str:
    """The array of groups that belongs to images and labels: `patient_train` to `x_train, y_train`."""
    old = "labels" if "labels" in names[1] else "y"
    return names[1].replace(old, groups)


def _groups(root: Path, archive: Archive, names: _Pair, groups: str, samples: int) -> "NDArray[np.str_]":
    """The groups of so many samples."""
    name = _beside(names, groups)
    return of_array(archive.array(name), samples, f"{root}: {name}")


def _checked(root: Path, archive: Archive, groups: str | None) -> tuple[_Pair, _Pair | None, _Pair | None]:
    """`_layout`, of images of one shape where they are joined, with the groups that are asked for."""
    training, test, joining = _layout(root, archive.heads)
    shapes = {
        name: _Channels(archive.heads[name].shape, f"{root}: {name}").shape
        for name, _ in filter(None, (training, test, joining))
    }
    if joining is not None and shapes[training[0]] != shapes[joining[0]]:
        raise DataError(
            f"{root}: images of differing shapes: {shapes[training[0]]} in {training[0]}, {shapes[joining[0]]} in "
            f"{joining[0]} (channels, height, width); all must be equal."
        )
    needed = [_beside(pair, groups) for pair in (training, joining) if pair and groups]
    if absent := next((name for name in needed if name not in archive.heads), None):
        raise DataError(
            f"dataset.groups: {root} has no array {absent}; it holds {', '.join(archive.members)}. Add the array, with "
            f"an entry a sample, or name one that is there."
        )
    return training, test, joining


def _images(archive: Archive, root: Path, names: Sequence[str], warnings: list[str]) -> "NDArray[np.uint8]":
    """The arrays of that names, which hold images of one shape, one after another."""
    spool: Spool | None = None
    for name in names:
        head, where = archive.heads[name], f"{root}: {name}"
        channels, to_bytes = _Channels(head.shape, where), _ToBytes(where, head.dtype)
        spool = spool or Spool(channels.shape)
        for block in archive.rows(name):
            pixels = to_bytes(channels.first(block))
            if pixels is not None:
                spool.append(pixels)
        to_bytes.require_inside(warnings)
    assert spool is not None
    return spool.rows()


class _Channels:
    """Images [N, H, W] or [N, H, W, C] or [N, C, H, W] as [N, C, H, W]. Raises DataError for any other shape."""

    def __init__(self, shape: Sequence[int], where: str) -> None:
        first, last = (len(shape) == 4 and shape[axis] in _CHANNELS for axis in (1, -1))
        if len(shape) != 3 and first == last:
            found = "could be channels first or last" if first else "is not of images"
            raise DataError(
                f"{where}: the shape {list(shape)} {found}; allowed are [N, H, W], [N, H, W, C] and [N, C, H, W] with "
                f"C from 1 to 4 and H, W above 4. Reshape it."
            )
        self._last = last
        self.shape = (1, *shape[1:]) if len(shape) == 3 else (shape[3], *shape[1:3]) if last else tuple(shape[1:])

    def first(self, block: "NDArray[Any]") -> "NDArray[Any]":
        """Some of the images as [n, C, H, W], a view."""
        return block[:, None] if block.ndim == 3 else block.transpose(0, 3, 1, 2) if self._last else block


@dataclass
class _ToBytes:
    """Pixels of any allowed type as uint8, block after block; what is outside the range is counted over all of them.

    first  of it, if there is any: [sample, channel, row, column] and value
    """

    where: str
    dtype: "np.dtype[Any]"
    samples: int = 0
    outside: int = 0
    first: tuple[list[int], Any] | None = field(default=None)
    rounded: bool = False

    def __post_init__(self) -> None:
        if self.dtype.kind not in "buif":
            raise DataError(
                f"{self.where}: pixels of type {self.dtype}; allowed are bool, integers and floats. Convert them."
            )
        self._top = 1 if self.dtype.kind == "f" else 255

    def __call__(self, block: "NDArray[Any]") -> "NDArray[np.uint8] | None":
        """[n, C, H, W], C-contiguous; None once a pixel is outside the range."""
        import numpy as np

        if self.dtype.kind == "b":
            return np.ascontiguousarray(block, np.uint8) * np.uint8(255)
        if self.dtype != np.uint8:
            self._look_outside(block)
        self.samples += len(block)
        if self.outside:
            return None
        if self.dtype.kind != "f":
            return np.ascontiguousarray(block, np.uint8)
        rounded = np.rint(block.astype(np.float64) * 255)
        self.rounded = self.rounded or not np.allclose(rounded / 255, block, rtol=0, atol=1e-3)
        return np.ascontiguousarray(rounded, np.uint8)

    def _look_outside(self, block: "NDArray[Any]") -> None:
        import numpy as np

        # NaN compares false, so it counts as outside; infinities do anyway.
        inside = (block >= 0) & (block <= self._top)
        if inside.all():
            return
        self.outside += int(np.count_nonzero(~inside))
        if self.first is None:
            sample, *rest = (int(i) for i in np.argwhere(~inside)[0])
            self.first = [self.samples + sample, *rest], block[sample, *rest]

    def require_inside(self, warnings: list[str]) -> None:
        """After the last block: a rounding that lost something is told. Raises DataError if a pixel was outside."""
        if self.first is not None:
            at, value = self.first
            raise DataError(
                f"{self.where}: {self.outside:,} pixel(s) of type {self.dtype} outside 0 to {self._top}, first at "
                f"[sample, channel, row, column] = {at} with value {value}; allowed are integers 0 to 255 or floats 0 "
                f"to 1. Scale or remove them."
            )
        if self.rounded:
            warnings.append(f"{self.where}: floats were rounded to 256 levels, as all images are stored in 8 bits.")


def _to_labels(archive: Archive, root: Path, name: str) -> "NDArray[np.int64]":
    import numpy as np

    head, where = archive.heads[name], f"{root}: {name}"
    if head.dtype.kind not in "ui" or head.shape[1:] not in ((), (1,)) or not head.shape:
        raise DataError(
            f"{where}: {head.dtype} {list(head.shape)}; allowed are integers, one an image ([N] or [N, 1]): class "
            f"numbers from 0, not one-hot rows or names. Convert them."
        )
    labels = archive.array(name)
    if labels.size and int(labels.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{where}: label {labels.max()} is out of range. Number the classes from 0.")
    return labels.reshape(-1).astype(np.int64)


def _classes(root: Path, archive: Archive, labels: Sequence["NDArray[np.int64]"]) -> tuple[str, ...]:
    if "classes" not in archive.heads:
        count = 1 + max((int(part.max()) for part in labels if part.size), default=-1)
        return _numbered(root, count, sum(part.size for part in labels))
    head = archive.heads["classes"]
    if len(head.shape) != 1 or head.dtype.kind != "U":
        raise DataError(f"{root}: classes is {head.dtype} {list(head.shape)}; allowed is one row of strings.")
    return tuple(str(name) for name in archive.array("classes"))


def _numbered(root: Path, count: int, samples: int) -> tuple[str, ...]:
    # A stray huge label would ask for as many class names.
    if count > samples:
        raise DataError(
            f"{root}: the largest label is {count - 1} with {samples} samples; a class would be empty. Number the "
            f"classes from 0 without gaps, or correct the label."
        )
    return tuple(str(label) for label in range(count))
