"""A user's own images: one folder a class, any format that Pillow opens.

    path/<class>/...                          the test split is held out by content
    path/train/<class>/..., path/test/<class>/...   the user's own test split

compression_ops.data.folders.layout says how else folders may be laid out and named. Folders inside a class folder are
searched too. What a system or a tool keeps beside pictures, and what is no image and not named like one, is left out
with a warning; an image that cannot be decoded is an error.
"""

import warnings as python_warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from compression_ops.data.file_names import lines, listed, shown
from compression_ops.data.folders import layout
from compression_ops.data.folders.layout import Labelled
from compression_ops.data.formats.image_file import Picture, decode
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.splits.groups import FileGroups, of_files
from compression_ops.data.storage import blocks
from compression_ops.data.storage.spool import Spool
from compression_ops.errors import DataError

# Of a grey image of 16 bits that uses fewer, less than 32 of 256 levels would be left; with fewer than the second, the
# user is told.
_LEAST_BITS, _USUAL_BITS = 13, 15


class ImageFolder(DatasetSpec):
    source: Literal["image_folder"]
    path: str = Field(min_length=1, description="Folder with a folder a class, or with `train` and `test`.")
    image_size: int = Field(ge=8, le=1024, description="Side of the square that each image becomes, in pixels.")
    channels: Literal[1, 3] = Field(default=3, description="3: RGB; 1: grey.")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where `path` has no `test` of its own."
    )
    groups: FileGroups | None = Field(
        default=None,
        description="Which images no split parts: `folder` (those of one folder below a class's), or a regular "
        "expression whose one bracket finds the group's name in a file's path below `path`; none by default.",
    )


def locate(spec: ImageFolder, folders: Sequence[Path]) -> Path | None:
    """The folder `path`: as it is, or where relative also in each of `folders`; None where there is none."""
    path = Path(spec.path).expanduser()
    return next((place for place in (path, *(folder / path for folder in folders)) if place.is_dir()), None)


def files(spec: ImageFolder, root: Path) -> list[Path]:
    """Every file that may be an image, sorted; none is decoded. Raises DataError as `layout.read` does."""
    found = layout.read(root)
    return sorted(labelled.file for labelled in (*found.train, *(found.test or ())))


def read(spec: ImageFolder, root: Path) -> RawData:
    """Images uint8 [N, channels, image_size, image_size]; classes are the folders' names in natural order.

    See compression_ops.data.formats.image_file for what happens to an image. Raises DataError as `layout.read` does,
    and if images cannot be decoded, by all their names.
    """
    found = layout.read(root)
    met = _Met(root)
    # Pillow tells of odd metadata on the standard error; what matters of it is told in words of our own.
    with python_warnings.catch_warnings(action="ignore", category=UserWarning):
        splits = [_read_split(split, spec, met) for split in (found.train, found.test) if split is not None]
    met.require_decoded()
    test = splits[1] if len(splits) == 2 else HoldOut(spec.test_fraction)
    return RawData(splits[0], test, found.classes, (*found.warnings, *met.warnings()))


@dataclass
class _Met:
    """What was met while decoding, file by file, in order."""

    root: Path
    no_images: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    odd_metadata: list[str] = field(default_factory=list)
    animations: list[str] = field(default_factory=list)
    deep: dict[str, int] = field(default_factory=dict)

    def add(self, file: Path, picture: Picture | DataError | None) -> None:
        name = file.relative_to(self.root).as_posix()
        if picture is None:
            self.no_images.append(name)
        elif isinstance(picture, DataError):
            self.damaged.append(str(picture))
        else:
            if picture.fault is not None:
                self.odd_metadata.append(name)
            if picture.frames:
                self.animations.append(name)
            if picture.largest is not None:
                self.deep[name] = picture.largest

    def require_decoded(self) -> None:
        if self.damaged:
            count = f"{len(self.damaged):,} image(s) cannot be decoded. Repair, convert or remove them:"
            raise DataError(f"{self.root}: {count}{lines(self.damaged)}")
        bits = self._bits
        if 0 < bits < _LEAST_BITS:
            raise DataError(
                f"{self.root}: {len(self.deep):,} grey image(s) have 16 bits and use no more than {bits} of them: the "
                f"largest value is {max(self.deep.values()):,} of 65,535. Scaled from 16 to 8 bits they would be "
                f"nearly black. Multiply their values by {2 ** (16 - bits):,}, or save them with 8 bits:"
                + lines([*self.deep])
            )

    @property
    def _bits(self) -> int:
        """That the grey images of 16 use, all together; 0 where there are none, or all are black."""
        return max(self.deep.values(), default=0).bit_length()

    def warnings(self) -> list[str]:
        told = list[str]()
        if _LEAST_BITS <= self._bits < _USUAL_BITS:
            told.append(
                f"{len(self.deep):,} grey image(s) have 16 bits and use {self._bits} of them; scaled to 8 bits, "
                f"{2 ** (self._bits - 8)} of 256 levels are left: {listed([*self.deep])}."
            )
        if self.no_images:
            kinds = Counter(Path(name).suffix.lower() or "without ending" for name in self.no_images)
            counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(5))
            count = f"{len(self.no_images):,} file(s) are no images ({counted})"
            told.append(f"{count} and were left out: {listed(self.no_images)}.")
        if self.odd_metadata:
            told.append(
                f"{len(self.odd_metadata):,} image(s) have metadata that cannot be read; their pixels were taken as "
                f"they are stored, not turned upright: {listed(self.odd_metadata)}."
            )
        if self.animations:
            told.append(
                f"{len(self.animations):,} file(s) hold several frames or pages, of which the first was taken: "
                f"{listed(self.animations)}."
            )
        return [f"{self.root}: {words}" for words in told]


def _read_split(split: Sequence[Labelled], spec: ImageFolder, met: _Met) -> Samples:
    import numpy as np
    from PIL import Image

    # Pillow registers its formats at first use, and threads that meet there can miss some.
    Image.init()
    images = Spool((spec.channels, spec.image_size, spec.image_size))
    taken = list[Labelled]()

    def attempt(labelled: Labelled) -> Picture | DataError | None:
        try:
            return decode(labelled.file, spec.image_size, spec.channels)
        except DataError as error:
            return error

    for labelled, picture in zip(split, blocks.in_parallel(attempt, split), strict=True):
        met.add(labelled.file, picture)
        if isinstance(picture, Picture):
            images.append(picture.pixels)
            taken.append(labelled)
    groups = None
    if spec.groups is not None:
        groups = of_files(spec.groups, [item.file for item in taken], [item.folder for item in taken], met.root)
    names = np.array([shown(item.file.relative_to(met.root).as_posix()) for item in taken], np.str_)
    return Samples(images.rows(), np.array([item.label for item in taken], np.int64), groups, names)
