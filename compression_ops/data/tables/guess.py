"""Which column of a table says what, and where its pictures lie: found by looking at the entries."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compression_ops.data.file_names import key, lines, listed, shown
from compression_ops.data.folders import side_files, split_names
from compression_ops.data.formats.image_file import is_named_like_a_picture
from compression_ops.data.tables import labels, numbers, table_file
from compression_ops.data.tables.named_files import NamedFiles
from compression_ops.data.tables.rows import Columns
from compression_ops.data.tables.table_file import Table
from compression_ops.errors import DataError

_PROSE = 4  # words that an entry of a column of texts has on average, or more
_ID = re.compile(r"(^|[^a-z])(id|no|nr|number|index|idx|key|uuid|guid|row)$|[a-z](?-i:I[dD])$", re.IGNORECASE)
_LOOKED_UP = 40  # entries of a column that are looked for in a folder
_FOLDERS = 500  # folders on one level that are looked into
_SPLITS = ("split", "fold", "subset", "set", "usage", "partition", "phase")
_GROUPS = (
    "patient", "subject", "person", "group", "case", "study", "lesion", "participant", "individual", "animal",
    "plant", "specimen", "slide", "site", "location", "video", "film", "sequence", "module",
)  # fmt: skip
_LABELS = (
    "label", "labels", "class", "classname", "classlabel", "category", "target", "labelname", "y", "species", "breed",
    "diagnosis", "dx",
)  # fmt: skip


@dataclass(frozen=True)
class Guess:
    """columns: what was found, without groups; images: the folder of the pictures; groups: columns that may be some."""

    columns: Columns
    images: Path
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Texts:
    """text, label: the columns of a table of texts; others: further ones, which say nothing of what a text means."""

    text: str
    label: str
    others: tuple[str, ...]


def columns_of(path: Path, target: str | None = None) -> Guess:
    """Find file names, labels and splits in a table; the labels in the column `target`, if one is stated.

    file    the column whose entries are files: beside the table, in a folder below it, or in one beside its own
    label   the one column of classes; of several the one with a usual name
    split   a column with a usual name, if all its entries name splits, and not one alone

    Raises DataError that lists the columns and says what to write where it cannot tell.
    """
    table = table_file.read(path)
    folder, file = _files(table)
    split = next((name for name in table.columns if name != target and _is_split(table, name)), None)
    groups = [name for name in table.columns if name not in (file, target) and _may_be_groups(table, name)]
    others = [name for name in table.columns if name not in (file, *groups) and _words(name) not in _SPLITS]
    label = _label(table, file, folder, others) if target is None else _stated(table, target)
    return Guess(Columns(file, label, split), folder, tuple(groups))


def target_of(path: Path, target: str | None = None) -> str | None:
    """The column of classes of a table whose rows are the samples, by its usual name; None for a table of pictures.

    target  the column, where it is stated

    Of pictures is one that has names of pictures as entries. Raises DataError that lists the columns and says what to
    write where no column has such a name, or several have.
    """
    table = table_file.read(path)
    if any(map(is_named_like_a_picture, (entry for entries in table.columns.values() for entry in _sample(entries)))):
        return None
    if target is not None:
        return _stated(table, target)
    usual = [name for name in table.columns if _words(name) in _LABELS and _is_of_classes(table.columns[name])]
    if len(usual) == 1:
        return usual[0]
    cause = (
        f"several columns could be the target: {listed(usual)}"
        if usual
        else "no column has a usual name of classes, as `label`"
    )
    recipe = f"{{source: csv, path: {shown(path)}, target: …}}"
    if texts := [name for name, entries in table.columns.items() if _is_prose(entries)]:
        recipe += f"\nor, where the texts in {listed(texts)} are the samples and no other column is looked at, with\n"
        recipe += f"  dataset: {{source: text_table, path: {shown(path)}, text: {shown(texts[0])}, label: …}}"
    raise DataError(
        f"{shown(path)}: no column's entries are files of pictures, so its rows would be the samples; but {cause}. "
        f"Say which column is the target, by --target COLUMN, or write a recipe by hand, with\n  dataset: {recipe}\n"
        f"The columns, their entries and the first one:{lines(_told(table))}"
    )


def texts_of(path: Path, target: str | None = None) -> Texts | None:
    """The columns of a table whose samples are texts; None of any other, as of one that names pictures.

    The texts are the one column of sentences, most of which differ; the classes `target` where it is stated, or the one
    with a usual name, or else the only other column that can be one. Further columns may number the rows, or name
    splits or groups, or say the class in other words: one that says anything else makes the rows the samples.
    """
    table = table_file.read(path)
    if any(map(is_named_like_a_picture, (entry for entries in table.columns.values() for entry in _sample(entries)))):
        return None
    texts = [name for name, entries in table.columns.items() if _is_prose(entries)]
    aside = {name for name in table.columns if _words(name) in _SPLITS or _may_be_groups(table, name)}
    able = [name for name in table.columns if name not in {*texts, *aside} and _is_of_classes(table.columns[name])]
    named = _without_twins(table, [name for name in able if _words(name) in _LABELS] or able)
    named = named if target is None else [_stated(table, target)]
    if not len(texts) == len(named) == 1:
        return None
    others = [name for name in table.columns if name not in (texts[0], named[0])]
    means_nothing = (
        name in aside or _is_id(name, table.columns[name]) or _are_twins(table.columns[name], table.columns[named[0]])
        for name in others
    )
    return Texts(texts[0], named[0], tuple(others)) if all(means_nothing) else None


def _stated(table: Table, target: str) -> str:
    """The column of this name. Raises DataError that lists those there are."""
    labels.named(table, target, "--target")
    return target


def _is_prose(entries: Sequence[str]) -> bool:
    """Whether most entries differ and have words, be they with digits; a date is numbers for the most part."""
    filled = [entry for entry in entries if entry]
    some = _sample(filled)
    spoken = sum(any(map(str.isalpha, word)) for entry in some for word in entry.split()) >= _PROSE * len(some) > 0
    return spoken and len(set(filled)) > len(filled) / 2


def _is_id(name: str, entries: Sequence[str]) -> bool:
    """Whether a column numbers rows: each entry once, under a usual name, or whole numbers without a gap."""
    if len(set(entries)) < len(entries):
        return False
    counted = [int(entry) for entry in entries if entry.isdecimal()]
    is_counted = len(counted) == len(entries) and max(counted) - min(counted) == len(counted) - 1
    return is_counted or _ID.search(name) is not None


def _are_twins(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two columns part the rows alike."""
    return len(set(zip(one, other, strict=True))) == len(set(one)) == len(set(other))


def _files(table: Table) -> tuple[Path, str]:
    """The folder and the column of the file names: all are there, or else most; reading tells which are missing."""
    samples = {name: _sample(entries) for name, entries in table.columns.items()}
    for share in (1.0, 0.5):
        for level in _levels(table.path.parent.resolve()):
            found = {folder: names for folder in level if (names := _named(table, samples, folder, share))}
            if len(found) > 1:
                raise _unclear(table, f"the files are in several folders: {listed([*found])}")
            for folder, names in found.items():
                if len(names) > 1:
                    raise _unclear(table, f"the entries of several columns are files: {listed(names)}", folder=folder)
                if NamedFiles(folder).find(names[0]):
                    raise DataError(
                        f"{shown(table.path)}: the first line names a picture, {shown(names[0])}; needed there are the "
                        f"columns' names, such as image,label. Add such a line."
                    )
                return folder, names[0]
    raise _unclear(table, "no column's entries are files that lie beside the table or in a folder near it")


def _named(table: Table, samples: Mapping[str, Sequence[str]], folder: Path, share: float) -> list[str]:
    """The columns of which so many entries are files in a folder; of several, those with most different entries."""
    named = NamedFiles(folder)
    found = {
        name: len(set(table.columns[name]))
        for name, entries in samples.items()
        if entries and sum(bool(named.find(entry)) for entry in entries) >= share * len(entries)
    }
    # Numbers of classes can be names of files too, of fewer than the files' own.
    return [name for name, distinct in found.items() if distinct == max(found.values())]


def _sample(entries: Sequence[str]) -> list[str]:
    """Some of the different entries, evenly spaced."""
    distinct = list(dict.fromkeys(entry for entry in entries if entry))
    return distinct[:: max(1, len(distinct) // _LOOKED_UP)]


def _levels(own: Path) -> Iterator[list[Path]]:
    """Folders, the nearest first: the table's own, those in it, those in these, the one around it, its others."""
    inner = _inner(own)
    yield [own]
    yield inner
    yield [deeper for folder in inner for deeper in _inner(folder)][:_FOLDERS]
    if not os.access(own.parent, os.R_OK | os.X_OK):
        return
    yield [own.parent]
    yield [folder for folder in _inner(own.parent) if folder != own]


def _inner(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir() and os.access(entry, os.R_OK | os.X_OK)]
    except OSError:
        return []
    kept = [name for name in names if not (side_files.is_hidden(name) or side_files.is_kept_by_a_system(name))]
    return [folder / name for name in sorted(kept)[:_FOLDERS]]


def _words(name: str) -> str:
    return "".join(letter for letter in key(name) if letter.isalnum())


def _is_split(table: Table, name: str) -> bool:
    entries = set(table.columns[name])
    roles = {found.role if (found := split_names.parse(entry)) else None for entry in entries}
    return _words(name) in _SPLITS and None not in roles and "train" in roles and len(roles) > 1


def _may_be_groups(table: Table, name: str) -> bool:
    """Whether a column has a usual name of groups, and entries that stand in several rows."""
    words = _words(name).removesuffix("s")
    base = next((words.removesuffix(end) for end in ("id", "no", "number", "name") if words.endswith(end)), words)
    entries = table.columns[name]
    return (words in _GROUPS or base in _GROUPS) and 1 < len(set(entries)) < len(entries)


def _label(table: Table, file: str, folder: Path, others: Sequence[str]) -> str:
    """The column of classes: not all its entries are equal, and many stand in several rows."""
    usual = [name for name in others if _words(name) in _LABELS]
    able = [name for name in others if _is_of_classes(table.columns[name])]
    named = _without_twins(table, [name for name in able if name in usual] or able)
    if not named and len(usual or others) == 1:
        return (usual or others)[0]  # reading it tells what is wrong with it
    if len(named) == 1:
        return named[0]
    cause = f"several columns could be the label: {listed(named)}" if named else "no column is of classes"
    raise _unclear(table, cause, file, folder)


def _is_of_classes(entries: Sequence[str]) -> bool:
    filled = [entry for entry in entries if entry]
    distinct = set(labels.normal(filled))
    return 2 <= len(distinct) <= max(2, len(filled) // 2) and labels.are_whole_or_text(distinct)


def _without_twins(table: Table, names: Sequence[str]) -> list[str]:
    """Of columns that say the same in other words, as `class` and `class_number`, the first of text."""
    by_parts = dict[tuple[int, ...], list[str]]()
    for name in names:
        known = dict[str, int]()
        parts = tuple(known.setdefault(entry, len(known)) for entry in table.columns[name])
        by_parts.setdefault(parts, []).append(name)
    return [min(twins, key=lambda name: numbers.are_numbers(table.columns[name])) for twins in by_parts.values()]


def _unclear(table: Table, cause: str, file: str = "…", folder: Path | None = None) -> DataError:
    cure = "Write" if folder is None or file == "…" else "Name it by --target COLUMN, or write"
    images = "…" if folder is None else os.path.relpath(folder, table.path.parent.resolve())
    return DataError(
        f"{shown(table.path)}: {cause}. {cure} a recipe by hand that says which column is which, with\n"
        f"  dataset: {{source: image_table, path: {shown(table.path)}, images: {shown(images)}, file: {shown(file)}, "
        f"label: …, image_size: 64}}\nThe columns, their entries and the first one:{lines(_told(table))}"
    )


def _told(table: Table) -> list[str]:
    return [f"{name}: {len(set(each)):,} different, {_shortened(each[0])}" for name, each in table.columns.items()]


def _shortened(entry: str) -> str:
    return (entry or "(empty)") if len(entry) <= 40 else f"{entry[:40]}…"
