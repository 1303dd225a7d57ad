"""A look at a user's images, or at the rows of a table, before anything is decided about them: what they are, how many,
and what is odd.
"""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compression_ops.data import soundness
from compression_ops.data.file_names import listed, shown
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.sources import image_folder, image_table, npz
from compression_ops.data.tables import guess, labelled, table_file
from compression_ops.errors import DataError

_SMALL = 16  # pixels; the images are read at this size to see that they can be
_MEASURED = 500  # files whose own size is looked at
_RARE = 0.1


@dataclass(frozen=True)
class Survey:
    """What was seen.

    source    `image_folder`, `image_table`, `npz`, or `csv` and `parquet`, of rows
    counts    {class: samples}, of all splits
    test      samples of a test split of its own; 0 where one is to be held out
    sizes     (smallest, median, largest) shorter side, in pixels; 0 of rows
    channels  1 where every image is grey, else 3 (npz: as in the file); 0 of rows
    oddities  sentences that a user should read
    stated    further fields of the source that the recipe has to state: the columns of a table
    groups    columns of a table that may mark pictures which no split should part
    rows      of rows, in words: `rows of 8 numbers and 5 categories`
    inputs    of rows, how many numbers a network is given
    """

    source: str
    counts: dict[str, int]
    test: int
    sizes: tuple[int, int, int]
    channels: int
    oddities: tuple[str, ...]
    stated: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    rows: str | None = None
    inputs: int = 0

    @property
    def training(self) -> int:
        """Samples that are trained on, about: without those of test and validation."""
        total = sum(self.counts.values())
        return int((total - (self.test or total * 0.2)) * 0.9)


def look(path: Path) -> Survey:
    """Read all samples once. Raises DataError if they cannot be read or are no data set to train on."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder. Say where the images are: --data PATH")
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() in table_file.SUFFIXES:
        return _table(path) if _is_of_pictures(path) else _rows(path)
    if path.suffix.lower() != ".npz":
        raise DataError(
            f"{path}: neither a folder of images, nor a table, nor an .npz file. Allowed are a folder with a folder "
            "a class; a table (.csv, .tsv or .parquet) with a row a picture, which names its file and its "
            "label, or a row a sample; and an archive that numpy.savez wrote from images and labels. A workbook can "
            "be saved as CSV in UTF-8; for anything else write a source of your own (docs/own-methods.md)"
        )
    spec = npz.NPZ(source="npz", path=str(path))
    raw = npz.read(spec, path)
    soundness.require_sound(raw)
    sides = min(raw.train.values.shape[2:])
    return _survey("npz", raw, (sides, sides, sides), raw.train.values.shape[1])


def _folder(path: Path) -> Survey:
    spec = image_folder.ImageFolder(source="image_folder", path=str(path), image_size=_SMALL, channels=3)
    files = image_folder.files(spec, path)
    if not files:
        raise DataError(f"{path}: its class folders hold no files. Put each class's images into its folder")
    raw = image_folder.read(spec, path)
    soundness.require_sound(raw)
    return _survey("image_folder", raw, _sides(files), _channels(raw))


def _table(path: Path) -> Survey:
    path = path.resolve()  # as a recipe's path is
    found = guess.columns_of(path)
    stated = {"images": os.path.relpath(found.images, path.parent)}
    stated |= {"file": found.columns.file, "label": found.columns.label}
    stated |= {"split": found.columns.split} if found.columns.split is not None else {}
    fields = {"source": "image_table", "path": str(path), "image_size": _SMALL, "channels": 3, **stated}
    spec = image_table.ImageTable.model_validate(fields)
    raw = image_table.read(spec, path)
    soundness.require_sound(raw)
    _, *files = image_table.files(spec, path)
    seen = _survey("image_table", raw, _sides(files), _channels(raw))
    columns = ", ".join(f"{shown(name)} as {field}" for field, name in stated.items() if field != "images")
    told = [f"{shown(path)}: its columns are taken so: {columns}; the pictures are in {shown(found.images)}."]
    if found.groups:
        told.append(
            f"{shown(path)}: {listed(found.groups)} may say what was pictured. Where pictures with the same entry look "
            f"alike, no split should part them: state `groups: {shown(found.groups[0])}` in the recipe's dataset."
        )
    return replace(seen, oddities=(*told, *seen.oddities), stated=stated, groups=found.groups)


def _is_of_pictures(path: Path) -> bool:
    """Whether the rows of a table name pictures: where its files can be found, or its entries look like such."""
    try:
        guess.columns_of(path.resolve())
    except DataError:
        return guess.target_of(path) is None
    return True


def _rows(path: Path) -> Survey:
    source = "parquet" if path.suffix.lower() in table_file.PARQUET else "csv"
    target = guess.target_of(path) or ""
    raw = labelled.read(labelled.Rows(path=str(path), target=target), path)
    soundness.require_sound(raw)
    import numpy as np

    modality = raw.modality.fitted(raw.train.values, np.arange(len(raw.train)))
    shape = raw.train.values.shape[1:]
    seen = _survey(source, raw, (0, 0, 0), 0)
    words = modality.described(shape)
    told = f"{shown(path)}: its rows are the samples, of the classes in {shown(target)}: {words}."
    inputs = modality.input_shape(shape)[0]
    return replace(seen, oddities=(told, *seen.oddities), stated={"target": target}, rows=words, inputs=inputs)


def _channels(raw: RawData) -> int:
    images = raw.train.values
    return 1 if (images[:, 0] == images[:, 1]).all() and (images[:, 1] == images[:, 2]).all() else 3


def _sides(files: list[Path]) -> tuple[int, int, int]:
    """The shorter sides of evenly spaced files, whose headers alone are read."""
    from PIL import Image

    sides: list[int] = []
    for file in files[:: max(1, len(files) // _MEASURED)]:
        try:
            with Image.open(file) as image:
                sides.append(min(image.size))
        except Exception:  # noqa: BLE001  reading them has told which are no images, in words
            continue
    sides.sort()
    return (sides[0], sides[len(sides) // 2], sides[-1]) if sides else (_SMALL, _SMALL, _SMALL)


def _survey(source: str, raw: RawData, sizes: tuple[int, int, int], channels: int) -> Survey:
    labels: list[Any] = [*raw.train.labels]
    own_test = 0 if isinstance(raw.test, HoldOut) else len(raw.test)
    if not isinstance(raw.test, HoldOut):
        labels += [*raw.test.labels]
    counted = Counter(int(label) for label in labels)
    counts = {name: counted[position] for position, name in enumerate(raw.classes)}
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    odd, noun = [*raw.warnings], raw.modality.noun
    if counts[least] < _RARE * counts[most]:
        odd.append(f"classes are unbalanced: {counts[least]} {noun} of {least!r}, {counts[most]} of {most!r}.")
    if sizes[1] and sizes[0] * 4 <= sizes[1]:
        odd.append(f"some images are much smaller than the rest: {sizes[0]} pixels, where most have {sizes[1]}.")
    return Survey(source, counts, own_test, sizes, channels, tuple(odd))
