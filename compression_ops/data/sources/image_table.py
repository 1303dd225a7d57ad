"""A user's own images, labelled by a table: a row a picture, with the name of its file and its class.

    labels.csv      image,breed,fold,patient
                    img/1.png,beagle,train,7

The table is CSV of any usual delimiter or Parquet (compression_ops.data.tables.table_file). Files are relative to
`images`, may lack their ending and may be written with backslashes (compression_ops.data.tables.named_files).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.data import file_names
from compression_ops.data.file_names import listed
from compression_ops.data.folders.layout import Labelled
from compression_ops.data.folders.pictures import PICTURES, Met, read_split
from compression_ops.data.folders.tree import Tree
from compression_ops.data.formats.image_file import is_named_like_a_picture
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.splits.groups import of_array
from compression_ops.data.tables import rows
from compression_ops.data.tables.rows import Columns, Rows, SplitColumns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ImageTable(SplitColumns):
    source: Literal["image_table"]
    path: str = Field(min_length=1, description="The table: .csv, .tsv or .parquet, with a row a picture.")
    images: str | None = Field(
        default=None,
        min_length=1,
        description="Folder that file names are relative to, itself relative to the table's; by default the table's.",
    )
    file: str = Field(min_length=1, description="Column of the file names, which may lack their ending.")
    label: str = Field(min_length=1, description="Column of the classes: text or whole numbers.")
    image_size: int = Field(ge=8, le=1024, description="Side of the square that each image becomes, in pixels.")
    channels: Literal[1, 3] = Field(default=3, description="3: RGB; 1: grey.")

    @property
    def sample_type(self) -> str:
        return "images"


def locate(spec: ImageTable, folders: Sequence[Path]) -> Path | None:
    """The file `path`: as it is, or where relative also in each of `folders`; None where it or `images` is not."""
    found = file_names.placed(spec.path, folders, Path.is_file)
    return found if found is not None and _images(spec, found).is_dir() else None


def files(spec: ImageTable, root: Path) -> list[Path]:
    """The table, then every file that it names, sorted; none is decoded. Raises DataError as `rows.read` does."""
    found = _rows(spec, root)
    real = root.parent.resolve()
    # A picture beside the table's folder is told from there: base/../images/1.png.
    folders = {folder: root.parent / os.path.relpath(folder, real) for folder in {file.parent for file in found.files}}
    return [root, *sorted(folders[file.parent] / file.name for file in found.files)]


def examine(spec: ImageTable, root: Path) -> None:
    """Raises DataError as `rows.read` does: for columns, files, labels and splits; no picture is opened."""
    _rows(spec, root)


def read(spec: ImageTable, root: Path) -> RawData:
    """Images uint8 [N, channels, image_size, image_size]; classes are the labels in natural order.

    See compression_ops.data.formats.image_file for what happens to an image. Raises DataError as `rows.read` does, and
    if images cannot be decoded, by all their names.
    """
    import numpy as np

    found = _rows(spec, root)
    folder = _images(spec, root)
    met = Met(folder)

    def groups(taken: Sequence[Labelled]) -> "NDArray[np.str_]":
        stated = np.array([found.groups[item.file] for item in taken], np.str_)
        return of_array(stated, len(taken), f"{root}: {spec.groups}")

    asked = (spec.image_size, spec.channels, met, groups if spec.groups is not None else None)
    splits = [read_split(split, *asked) for split in (found.train, found.test) if split is not None]
    met.require_decoded()
    test = splits[1] if len(splits) == 2 else HoldOut(spec.test_fraction)
    warnings = (*found.warnings, *_unnamed(folder, found), *met.warnings())
    return RawData(splits[0], test, found.classes, warnings)


def _rows(spec: ImageTable, root: Path) -> Rows:
    return rows.read(root, Columns(spec.file, spec.label, spec.split, spec.groups), _images(spec, root))


def _images(spec: ImageTable, root: Path) -> Path:
    """The folder that file names are relative to, absolute and without `..`."""
    return Path(os.path.normpath(root.parent.resolve() / Path(spec.images or ".").expanduser()))


def _unnamed(folder: Path, found: Rows) -> list[str]:
    """A warning of pictures that no row names."""
    named = {*found.files, *found.unlabelled}
    tree = Tree(folder, PICTURES)
    others = [file for file in tree.below(folder) if is_named_like_a_picture(file.name) and file not in named]
    if not others:
        return []
    return [f"{folder}: {len(others):,} picture(s) that no row names were left out: {listed(tree.relative(others))}."]
