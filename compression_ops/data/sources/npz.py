"""A user's own arrays in one NumPy archive.

Arrays, by name, in any of these three sets (the last two are those of Keras and of MedMNIST):

    images, labels                                 the test split is held out by content
    x_train, y_train, x_test, y_test
    train_images, train_labels, test_images, test_labels, and perhaps val_images, val_labels, which join the training
                                                   ones: validation is cut from them as everywhere

samples    with `samples: table` [N, F] of numbers, NaN where one is missing; with `samples: signal` [N, T], int16 or
           floats from -1 to 1, of `rate` Hz; with `samples: tokens` texts [N], of which `length`, `buckets` and
           `vocabulary` say how they become ids, or ids [N, L]. Otherwise images,
           [N, H, W], [N, H, W, C] or [N, C, H, W] with 1 to 4 channels, one type of pixel:
           bool; integers 0 to 255; floats 0 to 1, which are rounded to x * 255
labels     integers 0 to K - 1, [N] or [N, 1]
classes    K names (optional, strings); without it the names are "0", "1", ...

With `groups: patient` a further array says which samples no split may part, integers or strings, [N] or [N, 1]. It is
named as the labels are: patient; patient_train, patient_test; train_patient, test_patient, val_patient. That of test
may be missing.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from compression_ops.data import file_names
from compression_ops.data.file_names import listed
from compression_ops.data.formats import npz_archive
from compression_ops.data.formats.npz_archive import Archive
from compression_ops.data.formats.npz_parts import Parts
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.splits.groups import of_array
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_IMAGES = "images"
_SIGNAL = "signal"
_TOKENS = "tokens"
_LONGEST = 4_000  # bytes of a class's name, four a character
# (samples, labels) of the training samples, of the test samples, of samples that join the training ones.
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
    samples: Literal["images", "table", "signal", "tokens"] = Field(
        default=_IMAGES, description="What the samples are."
    )
    rate: int | None = Field(default=None, ge=1000, le=192_000, description="Of recordings, in Hz: `samples: signal`.")
    length: int | None = Field(
        default=None, ge=1, le=4096, description="Words of a text, 64 where null: `samples: tokens`."
    )
    buckets: int | None = Field(
        default=None, ge=2, le=10**6, description="As of `text_folder`, 8192 where null: `samples: tokens`."
    )
    vocabulary: int | None = Field(default=None, ge=1, le=10**6, description="As of `text_folder`: `samples: tokens`.")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where the file has no test arrays of its own."
    )
    groups: str | None = Field(
        default=None,
        min_length=1,
        description="Array whose equal entries mark samples that no split parts, such as `patient`; none by default.",
    )

    @property
    def sample_type(self) -> str:
        return self.samples

    @property
    def readers(self) -> tuple[str, ...]:
        return (f"compression_ops.data.arrays.{self.samples}",)


def locate(spec: NPZ, folders: Sequence[Path]) -> Path | None:
    """The file `path`: as it is, or where relative also in each of `folders`; None where there is none."""
    return file_names.placed(spec.path, folders, Path.is_file)


def files(spec: NPZ, root: Path) -> list[Path]:
    """The one file."""
    return [root]


def examine(spec: NPZ, root: Path) -> None:
    """Raises DataError as `read` does, for what the heads of the arrays say: which there are, and of which shape."""
    with npz_archive.opened(root, _wanted(spec.groups)) as archive:
        _checked(root, archive, spec)


def read(spec: NPZ, root: Path) -> RawData:
    """Images uint8 [N, C, H, W], unpacked block by block into a spool (see compression_ops.data.storage.spool); or
    other samples, as `samples` says, unpacked as a whole.

    Raises DataError if the file is no NumPy archive, lacks arrays, holds them as Python objects (as images of differing
    shapes are: such arrays are pickles, which are never loaded), or if pixels or labels are of a wrong shape, type or
    range. Arrays of other names are left aside, with a warning.
    """
    import numpy as np

    with npz_archive.opened(root, _wanted(spec.groups)) as archive:
        training, test, joining = _checked(root, archive, spec)
        parts = [training] if joining is None else [training, joining]
        warnings = _left_aside(root, archive, spec.groups)
        train_labels = [_to_labels(archive, root, names[1]) for names in parts]
        counted = zip(parts, train_labels, strict=True)
        members = [_groups(root, archive, names, spec.groups, len(labels)) for names, labels in counted if spec.groups]
        reader = _reader(spec)
        values, modality = reader.read(_parts(root, archive, spec, (training, test, joining)), warnings)
        train = Samples(values[0], np.concatenate(train_labels), np.concatenate(members) if members else None)
        held = HoldOut(spec.test_fraction)
        if test is not None:
            labels = _to_labels(archive, root, test[1])
            is_grouped = spec.groups is not None and _beside(test, spec.groups) in archive.heads
            apart = _groups(root, archive, test, spec.groups, len(labels)) if spec.groups and is_grouped else None
            held = Samples(values[1], labels, apart)
        labels = train_labels if isinstance(held, HoldOut) else [*train_labels, held.labels]
        classes = _classes(root, archive, labels)
        if hasattr(reader, "told"):
            warnings += reader.told(train, held, classes, str(root))
        return RawData(train, held, classes, tuple(warnings), modality)


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


def _layout(root: Path, archive: Archive) -> tuple[_Pair, _Pair | None, _Pair | None]:
    for training, test, joining in _LAYOUTS:
        if archive.heads.keys() >= {*training, *(test or ())}:
            has_more = joining is not None and archive.heads.keys() >= set(joining)
            return training, test, joining if has_more else None
    found = listed(sorted(archive.members)) or "no array"
    raise DataError(f"{root}: holds {found}; needed are {_ALLOWED}, whatever the samples are. Rename them.")


def _beside(names: _Pair, groups: str) -> str:
    """The array of groups that belongs to samples and labels: `patient_train` to `x_train, y_train`."""
    old = "labels" if "labels" in names[1] else "y"
    return names[1].replace(old, groups)


def _groups(root: Path, archive: Archive, names: _Pair, groups: str, samples: int) -> "NDArray[np.str_]":
    """The groups of so many samples."""
    name = _beside(names, groups)
    return of_array(archive.array(name), samples, f"{root}: {name}")


def _checked(root: Path, archive: Archive, spec: NPZ) -> tuple[_Pair, _Pair | None, _Pair | None]:
    """`_layout`, of samples of one shape where they are joined, with the groups that are asked for."""
    training, test, joining = _layout(root, archive)
    if (spec.rate is None) == (spec.samples == _SIGNAL):
        raise DataError(
            f"dataset.rate: {spec.rate} with `samples: {spec.samples}`; {root} says nothing of a rate. Recordings need "
            "one, such as `rate: 16000`, and nothing else has one."
        )
    if spec.samples != _TOKENS and (stated := [name for name in _stated(spec) if name != "rate"]):
        raise DataError(
            f"dataset.{stated[0]}: it is of texts, and {root} is read with `samples: {spec.samples}`. Leave "
            f"{', '.join(stated)} out, or state `samples: tokens`."
        )
    _reader(spec).check(_parts(root, archive, spec, (training, test, joining)))
    _require_one_each(root, archive, [pair for pair in (training, test, joining) if pair], spec.groups)
    needed = [_beside(pair, spec.groups) for pair in (training, joining) if pair and spec.groups]
    if absent := next((name for name in needed if name not in archive.heads), None):
        raise DataError(
            f"dataset.groups: {root} has no array {absent}; it holds {', '.join(archive.members)}. Add the array, with "
            f"an entry a sample, or name one that is there."
        )
    return training, test, joining


def _require_one_each(root: Path, archive: Archive, pairs: Sequence[_Pair], groups: str | None) -> None:
    """No more labels and groups than samples, before any is unpacked: that none lack is asked of all sources."""
    for pair in pairs:
        count = next(iter(archive.heads[pair[0]].shape), 0)
        for name in (pair[1], *([_beside(pair, groups)] if groups else ())):
            found = max(archive.heads[name].shape[:1], default=0) if name in archive.heads else 0
            if found > count:
                raise DataError(f"{root}: {count:,} samples in {pair[0]} and {found:,} in {name}. Give each one.")


def _reader(spec: NPZ) -> Any:
    """The module that reads arrays of what the samples are."""
    return importlib.import_module(*spec.readers)


def _parts(root: Path, archive: Archive, spec: NPZ, pairs: tuple[_Pair, _Pair | None, _Pair | None]) -> Parts:
    training, test, joining = pairs
    train = [names[0] for names in (training, joining) if names]
    return Parts(root, archive, train, [test[0]] if test else [], _stated(spec))


def _stated(spec: NPZ) -> dict[str, int]:
    """What is stated of how recordings, or texts, are read."""
    fields = {"rate": spec.rate, "length": spec.length, "buckets": spec.buckets, "vocabulary": spec.vocabulary}
    return {name: value for name, value in fields.items() if value is not None}


def _to_labels(archive: Archive, root: Path, name: str) -> "NDArray[np.int64]":
    import numpy as np

    head, where = archive.heads[name], f"{root}: {name}"
    if head.dtype.kind not in "ui" or head.shape[1:] not in ((), (1,)) or not head.shape:
        raise DataError(
            f"{where}: {head.dtype} {list(head.shape)}; allowed are integers, one a sample ([N] or [N, 1]): class "
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
    samples = sum(part.size for part in labels)
    if len(head.shape) != 1 or head.dtype.kind != "U" or head.row_bytes > _LONGEST or head.shape[0] > samples:
        allowed = f"one row of strings, of at most {_LONGEST // 4:,} characters, no more of them than samples"
        raise DataError(f"{root}: classes is {head.dtype} {list(head.shape)}; allowed is {allowed}.")
    return tuple(str(name) for name in archive.array("classes"))


def _numbered(root: Path, count: int, samples: int) -> tuple[str, ...]:
    # A stray huge label would ask for as many class names.
    if count > samples:
        raise DataError(
            f"{root}: the largest label is {count - 1} with {samples} samples; a class would be empty. Number the "
            f"classes from 0 without gaps, or correct the label."
        )
    return tuple(str(label) for label in range(count))
