"""A look at a user's images, recordings or texts, or at the rows of a table, before anything is decided about them:
what they are, how many, and what is odd.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from compression_ops.data import soundness
from compression_ops.data.file_names import listed, shown
from compression_ops.data.formats import wave_file
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.sources import image_folder, image_table, npz, text_folder, text_table, wav_folder
from compression_ops.data.tables import guess, labelled, table_file
from compression_ops.data.texts import text_file
from compression_ops.errors import DataError

_SMALL = 16  # pixels; the images are read at this size to see that they can be
_MEASURED = 500  # files whose own size is looked at
_RARE = 0.1
_NAMED = 10_000  # files of a folder whose names say what it holds
_HIGHEST_RATE, _LONGEST = 16_000, 10.0  # of recordings: beyond, training on a CPU takes long
_WORDS = 256  # of a text
_MANY_TEXTS = 20_000


@dataclass(frozen=True)
class Survey:
    """What was seen.

    source    `image_folder`, `image_table`, `npz`, `wav_folder`, `text_folder`, `text_table`, or `csv` and `parquet`,
              of rows
    counts    {class: samples}, of all splits
    test      samples of a test split of its own; 0 where one is to be held out
    sizes     (smallest, median, largest) shorter side, in pixels; 0 of others than images
    channels  1 where every image is grey, else 3 (npz: as in the file); 0 of others than images
    oddities  sentences that a user should read
    stated    further fields of the source that the recipe states: the columns of a table, the length of recordings
    groups    columns of a table that may mark pictures which no split should part
    rows      of rows, in words: `rows of 8 numbers and 5 categories`
    inputs    of rows, how many numbers a network is given
    noun      what the samples are called: `images`, `rows`, `recordings`, `texts`
    words     of recordings and texts, what they are in words: `recordings of 1 s at 16000 Hz`
    shape     of recordings and texts, that of a network's input
    ids       of texts, how many ids their words have
    """

    source: str
    counts: dict[str, int]
    test: int
    sizes: tuple[int, int, int]
    channels: int
    oddities: tuple[str, ...]
    stated: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    rows: str | None = None
    inputs: int = 0
    noun: str = "images"
    words: str | None = None
    shape: tuple[int, ...] = ()
    ids: int = 0

    @property
    def training(self) -> int:
        """Samples that are trained on, about: without those of test and validation."""
        total = sum(self.counts.values())
        return int((total - (self.test or total * 0.2)) * 0.9)


def look(path: Path) -> Survey:
    """Read all samples once. Raises DataError if they cannot be read or are no data set to train on."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder. Say where the samples are: --data PATH")
    if path.is_dir():
        return _KINDS[_kind(path)](path)
    if path.suffix.lower() in table_file.SUFFIXES:
        if (columns := guess.texts_of(path)) is not None:
            return _text_table(path, *columns)
        return _table(path) if _is_of_pictures(path) else _rows(path)
    if path.suffix.lower() != ".npz":
        raise DataError(
            f"{path}: neither a folder, nor a table, nor an .npz file. Allowed are a folder with a folder a class, of "
            "images, recordings (.wav) or texts (.txt); a table (.csv, .tsv or .parquet) with a row a picture, which "
            "names its file and its label, or a row a sample, or a text and its label; and an archive that "
            "numpy.savez wrote from images and labels. A workbook can be saved as CSV in UTF-8; for anything else "
            "write a source of your own (docs/own-methods.md)"
        )
    spec = npz.NPZ(source="npz", path=str(path))
    raw = npz.read(spec, path)
    soundness.require_sound(raw)
    sides = min(raw.train.values.shape[2:])
    return _survey("npz", raw, (sides, sides, sides), raw.train.values.shape[1])


def _kind(path: Path) -> str:
    """What most of the files of a folder are named like; images, where they are named like neither of the others."""
    names = list(islice((name for _, _, files in os.walk(path) for name in files), _NAMED))
    for kind, is_one in (("recordings", wave_file.is_named_like_one), ("texts", text_file.is_named_like_one)):
        if 2 * sum(map(is_one, names)) > len(names):
            return kind
    return "images"


def _recordings(path: Path) -> Survey:
    fields: dict[str, Any] = {"source": "wav_folder", "path": str(path)}
    stated = _heard(wav_folder.files(wav_folder.WavFolder.model_validate(fields), path))
    raw = wav_folder.read(wav_folder.WavFolder.model_validate(fields | stated), path)
    return _of_words("wav_folder", raw, stated)


def _heard(files: Sequence[Path]) -> dict[str, float]:
    """The commonest rate, and a length that nine of ten recordings do not exceed, in half seconds; () where none can be
    read, of which reading them tells.
    """
    rates: Counter[int] = Counter()
    lengths: list[float] = []
    for file in files[:: max(1, len(files) // _MEASURED)]:
        with suppress(DataError):
            if (wave := wave_file.decode(file)) is not None:
                rates[wave.rate] += 1
                lengths.append(len(wave.values) / wave.rate)
    if not lengths:
        return {}
    rate = min(_HIGHEST_RATE, max(2_000, rates.most_common(1)[0][0]))
    length = sorted(lengths)[int(0.9 * (len(lengths) - 1))]
    return {"rate": rate, "seconds": min(_LONGEST, max(1, math.ceil(2 * length)) / 2)}


def _texts(path: Path) -> Survey:
    fields = {"source": "text_folder", "path": str(path)}
    stated = _length(text_folder.read(text_folder.TextFolder.model_validate(fields | {"length": _WORDS}), path))
    raw = text_folder.read(text_folder.TextFolder.model_validate(fields | stated), path)
    return _of_words("text_folder", raw, stated)


def _text_table(path: Path, text: str, label: str) -> Survey:
    fields = {"source": "text_table", "path": str(path), "text": text, "label": label}
    stated = _length(text_table.read(text_table.TextTable.model_validate(fields | {"length": _WORDS}), path))
    raw = text_table.read(text_table.TextTable.model_validate(fields | stated), path)
    told = f"{shown(path)}: its samples are the texts in {shown(text)}, of the classes in {shown(label)}."
    seen = _of_words("text_table", raw, {"text": text, "label": label, **stated})
    return replace(seen, oddities=(told, *seen.oddities))


def _length(raw: RawData) -> dict[str, int]:
    """Words that nine of ten texts do not exceed, in eights, and ids for them."""
    lengths = sorted((raw.train.values != 0).sum(axis=1).tolist())
    length = -(-lengths[int(0.9 * (len(lengths) - 1))] // 8) * 8
    return {"length": length, "buckets": 4096 if len(lengths) < _MANY_TEXTS else 8192}


def _of_words(source: str, raw: RawData, stated: Mapping[str, Any]) -> Survey:
    """Of what a modality tells in words."""
    soundness.require_sound(raw)
    shape, modality = raw.train.values.shape[1:], raw.modality
    return replace(
        _survey(source, raw, (0, 0, 0), 0),
        stated=stated,
        noun=modality.noun,
        words=modality.described(shape),
        shape=modality.input_shape(shape),
        ids=modality.indices() or 0,
    )


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
    _, _, odd = modality.statistics(raw.train.values, shown(path))
    oddities = (told, *seen.oddities, *odd)
    return replace(seen, oddities=oddities, stated={"target": target}, rows=words, inputs=inputs, noun="rows")


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


_KINDS = {"images": _folder, "recordings": _recordings, "texts": _texts}
