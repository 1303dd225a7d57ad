"""A user's own images: one folder a class, any format that Pillow opens.

    path/<class>/...                          the test split is held out by content
    path/train/<class>/..., path/test/<class>/...   the user's own test split

compression_ops.data.folders.layout says how else folders may be laid out and named. Folders inside a class folder are
searched too. What a system or a tool keeps beside pictures, and what is no image and not named like one, is left out
with a warning; an image that cannot be decoded is an error.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.data import file_names
from compression_ops.data.folders import layout
from compression_ops.data.folders.layout import Labelled
from compression_ops.data.folders.pictures import PICTURES, Met, read_split
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.splits.groups import FileGroups, of_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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

    @property
    def sample_type(self) -> str:
        return "images"


def locate(spec: ImageFolder, folders: Sequence[Path]) -> Path | None:
    """The folder `path`: as it is, or where relative also in each of `folders`; None where there is none."""
    return file_names.placed(spec.path, folders, Path.is_dir)


def files(spec: ImageFolder, root: Path) -> list[Path]:
    """Every file that may be an image, sorted; none is decoded. Raises DataError as `layout.read` does."""
    found = layout.read(root, PICTURES)
    return sorted(labelled.file for labelled in (*found.train, *(found.test or ())))


def examine(spec: ImageFolder, root: Path) -> None:
    """Raises DataError as `layout.read` does, and for files without a group; no picture is opened."""
    found = layout.read(root, PICTURES)
    for split in (found.train, found.test or ()):
        if spec.groups is not None:
            of_files(spec.groups, [item.file for item in split], [item.folder for item in split], root)


def read(spec: ImageFolder, root: Path) -> RawData:
    """Images uint8 [N, channels, image_size, image_size]; classes are the folders' names in natural order.

    See compression_ops.data.formats.image_file for what happens to an image. Raises DataError as `layout.read` does,
    and if images cannot be decoded, by all their names.
    """
    found = layout.read(root, PICTURES)
    met = Met(root)

    def groups(taken: Sequence[Labelled]) -> "NDArray[np.str_]":
        return of_files(spec.groups or "", [item.file for item in taken], [item.folder for item in taken], root)

    asked = (spec.image_size, spec.channels, met, groups if spec.groups is not None else None)
    splits = [read_split(split, *asked) for split in (found.train, found.test) if split is not None]
    met.require_decoded()
    test = splits[1] if len(splits) == 2 else HoldOut(spec.test_fraction)
    return RawData(splits[0], test, found.classes, (*found.warnings, *met.warnings()))
