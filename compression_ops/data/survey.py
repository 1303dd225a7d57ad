"""A look at a user's images, recordings or texts, or at the rows of a table, before anything is decided about them:
what they are, how many, and what is odd.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compression_ops.data import soundness
from compression_ops.data.file_names import listed, shown
from compression_ops.data.folders import kind
from compression_ops.data.formats import wave_file
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.sources import image_folder, image_table, npz, text_folder, text_table, wav_folder
from compression_ops.data.tables import guess, labelled, table_file
from compression_ops.errors import DataError

_SMALL = 16  # pixels; the images are read at this size to see that they can be
_MEASURED = 500  # files whose own size is looked at
_RARE = 0.1
_LOWEST_RATE = 2_000  # of recordings, that the source allows
_HIGHEST_RATE, _LONGEST = 16_000, 10.0  # beyond, training on a CPU takes long
_WORDS = 256  # of a text
_MANY_TEXTS = 20_000


@dataclass(frozen=True)
class Survey:
    """What was seen.

    source    `image_folder`, `image_table`, `npz`, `wav_folder`, `text_folder`, `text_table`, or `csv` and `parquet`,
              of rows
    counts    {class: samples}, of all splits
    train     {class: samples}, without those of a test split of its own
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
    longer    of recordings and texts, where the length is the longest that is proposed: (how many are longer, of how
              many that were looked at); None where nine of ten are no longer
    """

    source: str
    counts: dict[str, int]
    train: dict[str, int]
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
    longer: tuple[int, int] | None = None

    @property
    def training(self) -> int:
        """Samples that are trained on, about: without those of test and validation."""
        total = sum(self.counts.values())
        return int((total - (self.test or total * 0.2)) * 0.9)


def look(path: Path, target: str | None = None) -> Survey:
    """Read all samples once; `target` is a table's column of classes. Raises DataError if they are no data set."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder. Say where the samples are: --data PATH")
    if path.is_dir():
        return _KINDS[kind.of(path)](path)
    if path.suffix.lower() in table_file.SUFFIXES:
        return _of_table(path, target)
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


def _recordings(path: Path) -> Survey:
    fields: dict[str, Any] = {"source": "wav_folder", "path": str(path)}
    heard = _heard(wav_folder.files(wav_folder.WavFolder.model_validate(fields), path))
    raw = wav_folder.read(wav_folder.WavFolder.model_validate(fields | heard.stated), path)
    return _of_words("wav_folder", raw, heard)


@dataclass(frozen=True)
class _Proposed:
    """Fields of the source; `longer` and oddities as of a Survey."""

    stated: dict[str, Any] = field(default_factory=dict)
    longer: tuple[int, int] | None = None
    oddities: tuple[str, ...] = ()


def _heard(files: Sequence[Path]) -> _Proposed:
    """The commonest rate, and a length that nine of ten recordings do not exceed, in half seconds; nothing where none
    can be read, of which reading them tells.
    """
    rates: Counter[int] = Counter()
    lengths: list[float] = []
    for file in files[:: max(1, len(files) // _MEASURED)]:
        with suppress(DataError):
            if (wave := wave_file.decode(file)) is not None:
                rates[wave.rate] += 1
                lengths.append(len(wave.values) / wave.rate)
    if not lengths:
        return _Proposed()
    usual = rates.most_common(1)[0][0]
    rate = min(_HIGHEST_RATE, max(_LOWEST_RATE, usual))
    length = sorted(lengths)[int(0.9 * (len(lengths) - 1))]
    longer = (sum(each > _LONGEST for each in lengths), len(lengths)) if length > _LONGEST else None
    stated = {"rate": rate, "seconds": min(_LONGEST, max(1, math.ceil(2 * length)) / 2)}
    return _Proposed(stated, longer, _of_another_rate(usual, rate))


def _of_another_rate(usual: int, rate: int) -> tuple[str, ...]:
    if usual == rate:
        return ()
    lost = f"what lies above {rate // 2} Hz is not heard; state a higher `rate` where the classes differ there"
    why = lost if rate < usual else "the lowest rate that is allowed"
    return (f"most recordings have {usual} Hz, and are resampled to {rate} Hz: {why}.",)


def _texts(path: Path) -> Survey:
    fields = {"source": "text_folder", "path": str(path)}
    found = _length(text_folder.read(text_folder.TextFolder.model_validate(fields | _counted()), path))
    raw = text_folder.read(text_folder.TextFolder.model_validate(fields | found.stated), path)
    return _of_words("text_folder", raw, found)


def _text_table(path: Path, columns: guess.Texts) -> Survey:
    named = {"text": columns.text, "label": columns.label}
    fields = {"source": "text_table", "path": str(path), **named}
    found = _length(text_table.read(text_table.TextTable.model_validate(fields | _counted()), path))
    raw = text_table.read(text_table.TextTable.model_validate(fields | found.stated), path)
    told = f"{shown(path)}: its samples are the texts in {shown(columns.text)}, of the classes in "
    told += shown(columns.label)
    aside = f"; left aside: {listed(columns.others)} (`split` and `groups` may name one each)" if columns.others else ""
    seen = _of_words("text_table", raw, found)
    return replace(seen, oddities=(f"{told}{aside}.", *seen.oddities), stated=named | dict(seen.stated))


def _counted() -> dict[str, int]:
    """A length by which texts of more words than are proposed are told from those of as many."""
    return {"length": _WORDS + 1}


def _length(raw: RawData) -> _Proposed:
    """Words that nine of ten texts do not exceed, in eights, and ids for them."""
    lengths = sorted((raw.train.values != 0).sum(axis=1).tolist())
    most = lengths[int(0.9 * (len(lengths) - 1))]
    longer = (sum(each > _WORDS for each in lengths), len(lengths)) if most > _WORDS else None
    length = min(_WORDS, -(-most // 8) * 8)
    return _Proposed({"length": length, "buckets": 4096 if len(lengths) < _MANY_TEXTS else 8192}, longer)


def _of_words(source: str, raw: RawData, found: _Proposed) -> Survey:
    """Of what a modality tells in words."""
    soundness.require_sound(raw)
    shape, modality = raw.train.values.shape[1:], raw.modality
    seen = _survey(source, raw, (0, 0, 0), 0)
    return replace(
        seen,
        stated=found.stated,
        longer=found.longer,
        oddities=(*found.oddities, *seen.oddities),
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


def _table(path: Path, target: str | None) -> Survey:
    path = path.resolve()  # as a recipe's path is
    found = guess.columns_of(path, target)
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


def _of_table(path: Path, target: str | None) -> Survey:
    """Of pictures where its files can be found, or else its entries look like such; of texts; or of rows."""
    if _names_pictures(path):
        return _table(path, target)
    if (texts := guess.texts_of(path, target)) is not None:
        return _text_table(path, texts)
    return _table(path, target) if (found := guess.target_of(path, target)) is None else _rows(path, found)


def _names_pictures(path: Path) -> bool:
    try:
        guess.columns_of(path.resolve())
    except DataError:
        return False
    return True


def _rows(path: Path, target: str) -> Survey:
    source = "parquet" if path.suffix.lower() in table_file.PARQUET else "csv"
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
    trained: Counter[int] = Counter(raw.train.labels.tolist())
    tested: Counter[int] = Counter(() if isinstance(raw.test, HoldOut) else raw.test.labels.tolist())
    train = {name: trained[position] for position, name in enumerate(raw.classes)}
    counts = {name: train[name] + tested[position] for position, name in enumerate(raw.classes)}
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    odd, noun = [*raw.warnings], raw.modality.noun
    if counts[least] < _RARE * counts[most]:
        odd.append(f"classes are unbalanced: {counts[least]} {noun} of {least!r}, {counts[most]} of {most!r}.")
    if sizes[1] and sizes[0] * 4 <= sizes[1]:
        odd.append(f"some images are much smaller than the rest: {sizes[0]} pixels, where most have {sizes[1]}.")
    return Survey(source, counts, train, tested.total(), sizes, channels, tuple(odd))


_KINDS = {"images": _folder, "recordings": _recordings, "texts": _texts}
