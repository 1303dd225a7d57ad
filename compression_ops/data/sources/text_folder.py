"""A user's own texts: a file a text, one folder a class.

    path/<class>/...                                the test split is held out by content
    path/train/<class>/..., path/test/<class>/...   the user's own test split

compression_ops.data.folders.layout says how else folders may be laid out and named. Texts are files named so, as
`1.txt`; others are left out with a warning, and a text of another encoding, or a binary file, is an error.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from compression_ops.data import file_names
from compression_ops.data.file_names import lines, listed, shown
from compression_ops.data.folders import layout
from compression_ops.data.folders.content import Content
from compression_ops.data.folders.layout import Labelled
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.splits.groups import FileGroups, of_files
from compression_ops.data.storage import memory
from compression_ops.data.texts import text_file
from compression_ops.data.texts.coding import Coding
from compression_ops.data.texts.corpus import Corpus, Text
from compression_ops.data.texts.text_file import Encoding
from compression_ops.errors import DataError


def _is_one(file: Path) -> bool:
    """No file of another name is taken for a text."""
    return False


_TEXT_BYTES = 500  # that a text takes beside its letters, of which each has one byte or two
_TEXTS = Content("text", text_file.is_named_like_one, _is_one)


class TextFolder(Coding):
    source: Literal["text_folder"]
    path: str = Field(min_length=1, description="Folder with a folder a class, or with `train` and `test`.")
    encoding: Encoding = Field(default="utf-8", description="Of the files, as Python names it.")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where `path` has no `test` of its own."
    )
    groups: FileGroups | None = Field(
        default=None,
        description="Which texts no split parts: `folder` (those of one folder below a class's), or a regular "
        "expression whose one bracket finds the group's name in a file's path below `path`; none by default.",
    )


def locate(spec: TextFolder, folders: Sequence[Path]) -> Path | None:
    """The folder `path`: as it is, or where relative also in each of `folders`; None where there is none."""
    return file_names.placed(spec.path, folders, Path.is_dir)


def files(spec: TextFolder, root: Path) -> list[Path]:
    """Every text, sorted; none is read. Raises DataError as `layout.read` does."""
    found = layout.read(root, _TEXTS)
    return sorted(file.file for split in (found.train, found.test or ()) for file in _named(split))


def examine(spec: TextFolder, root: Path) -> None:
    """Raises DataError as `layout.read` does, and for files without a group; no text is read."""
    found = layout.read(root, _TEXTS)
    for split in (found.train, found.test or ()):
        _groups(spec, _named(split), root)


def read(spec: TextFolder, root: Path) -> RawData:
    """Codes int64 [N, length]; classes are the folders' names in natural order.

    Raises DataError as `layout.read` does, and if texts cannot be read, by all their names.
    """
    found = layout.read(root, _TEXTS)
    splits = [_named(split) for split in (found.train, found.test) if split is not None]
    sizes = [item.file.stat().st_size for split in splits for item in split if item.file.is_file()]
    memory.require(str(root), sum(_TEXT_BYTES + 2 * size for size in sizes))
    damaged = list[str]()
    texts = [list(_texts(spec, split, root, damaged)) for split in splits]
    if damaged:
        count = f"{len(damaged):,} text(s) cannot be read. Convert them, state their `encoding`, or remove them:"
        raise DataError(f"{root}: {count}{lines(damaged)}")
    corpus = Corpus(spec, str(root), found.classes)
    samples = [corpus.samples(split, spec.groups is not None) for split in texts]
    test = samples[1] if len(samples) == 2 else HoldOut(spec.test_fraction)
    return corpus.raw(samples[0], test, [*found.warnings, *_others(root, [*found.train, *(found.test or ())])])


def _texts(spec: TextFolder, split: Sequence[Labelled], root: Path, damaged: list[str]) -> Iterator[Text]:
    """Those that can be read; what is wrong with the others is noted."""
    for item, group in zip(split, _groups(spec, split, root), strict=True):
        name = shown(item.file.relative_to(root).as_posix())
        try:
            yield Text(text_file.read(item.file, spec.encoding), item.label, name, group)
        except DataError as error:
            damaged.append(str(error).replace(shown(item.file), name))


def _groups(spec: TextFolder, taken: Sequence[Labelled], root: Path) -> list[str]:
    if spec.groups is None:
        return [""] * len(taken)
    return of_files(spec.groups, [item.file for item in taken], [item.folder for item in taken], root).tolist()


def _named(split: Sequence[Labelled]) -> list[Labelled]:
    return [item for item in split if text_file.is_named_like_one(item.file.name)]


def _others(root: Path, found: Sequence[Labelled]) -> list[str]:
    """A warning of the files that are not named like texts."""
    left = [item.file for item in found if not text_file.is_named_like_one(item.file.name)]
    if not left:
        return []
    kinds = Counter(file.suffix.lower() or "without ending" for file in left)
    counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(5))
    names = listed([file.relative_to(root).as_posix() for file in left])
    return [f"{root}: {len(left):,} file(s) are not named like texts ({counted}) and were left out: {names}."]
