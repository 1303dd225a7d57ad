"""A user's own images: one folder a class, any format that Pillow opens.

    path/<class>/...                          the test split is held out by content
    path/train/<class>/..., path/test/<class>/...   the user's own test split

Folders inside a class folder are searched too; names that begin with a dot are ignored. A file that is no image and is
not named like one is left out with a warning; an image that cannot be decoded is an error.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.data.formats.image_file import decode
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.storage import blocks
from compression_ops.data.storage.spool import Spool
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SPLITS = ("train", "test")
_SPLIT_LIKE = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_NAMED = 5


class ImageFolder(DatasetSpec):
    source: Literal["image_folder"]
    path: str = Field(min_length=1, description="Folder with a folder a class, or with `train` and `test`.")
    image_size: int = Field(ge=8, le=1024, description="Side of the square that each image becomes, in pixels.")
    channels: Literal[1, 3] = Field(default=3, description="3: RGB; 1: grey.")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where `path` has no `test` of its own."
    )


def locate(spec: ImageFolder, folders: Sequence[Path]) -> Path | None:
    """The folder `path`: as it is, or where relative also in each of `folders`; None where there is none."""
    path = Path(spec.path).expanduser()
    return next((place for place in (path, *(folder / path for folder in folders)) if place.is_dir()), None)


def files(spec: ImageFolder, root: Path) -> list[Path]:
    """Every file that may be an image, sorted; nothing is opened. Raises DataError if `root` has no class folders."""
    found = (file for split in _split_folders(root) for name in _class_names(split) for file in _walk(split / name))
    return sorted(found)


def read(spec: ImageFolder, root: Path) -> RawData:
    """Images uint8 [N, channels, image_size, image_size]; classes are the folders' names in natural order.

    See compression_ops.data.image_file for what happens to an image. Raises DataError if there are no class folders, if
    `train` and `test` differ in their classes, or if an image cannot be decoded.
    """
    split_folders = _split_folders(root)
    classes = _class_names(split_folders[0])
    for folder in split_folders[1:]:
        if difference := sorted(set(classes) ^ set(_class_names(folder))):
            raise DataError(
                f"{root}: class folders {difference} stand in only one of train and test; both must have the same."
            )
    splits, left_out = zip(*(_read_split(folder, classes, spec) for folder in split_folders), strict=True)
    names = [str(file.relative_to(root)) for group in left_out for file in group]
    warnings = [f"{root}: {len(names)} file(s) are no images and were left out: {_list(names)}."] if names else []
    if len(split_folders) == len(_SPLITS) and (others := sorted(set(_folders(root)) - set(_SPLITS))):
        warnings.append(f"{root}: {_list(others)} beside train and test were left out; validation is cut from train.")
    test = splits[1] if len(splits) == len(_SPLITS) else HoldOut(spec.test_fraction)
    return RawData(splits[0], test, tuple(classes), tuple(warnings))


def _split_folders(root: Path) -> list[Path]:
    """[root/train, root/test] if both are there, else [root]."""
    names = set(_folders(root))
    if names.issuperset(_SPLITS):
        return [root / name for name in _SPLITS]
    if names and names <= _SPLIT_LIKE and any(_folders(root / name) for name in names):
        raise DataError(
            f"{root}: holds {sorted(names)}, named like splits; needed are both train and test, or a folder a class. "
            f"Rename the folders to train and test, or point path at the one that holds the class folders."
        )
    return [root]


def _class_names(folder: Path) -> list[str]:
    names = sorted(_folders(folder), key=_natural)
    if not names:
        raise DataError(f"{folder}: holds no folders; expected one a class with its images inside.")
    return names


def _natural(name: str) -> tuple[list[str | int], str]:
    """Sort key by which `img2` comes before `img10`; equal keys are told apart by the name itself."""
    parts: list[str | int] = [*re.split(r"([0-9]+)", name.casefold())]
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts, name


def _folders(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed ({error.strerror}). Correct path or the folder's rights."
        ) from error


def _walk(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """The visible files below a folder, sorted; linked folders are followed, but not into themselves."""
    above = above | {folder.resolve()}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if entry.resolve() not in above:
                yield from _walk(entry, above)
        elif entry.is_file():
            yield entry
        else:
            raise DataError(f"{entry}: neither a file nor a folder (a link to nothing?). Remove it or mend the link.")


def _read_split(folder: Path, classes: Sequence[str], spec: ImageFolder) -> tuple[Samples, list[Path]]:
    """The samples, class by class, and the files that are no images."""
    import numpy as np
    from PIL import Image

    # Pillow registers its formats at first use, and threads that meet there can miss some.
    Image.init()
    listed = [(label, file) for label, name in enumerate(classes) for file in _walk(folder / name)]
    images = Spool((spec.channels, spec.image_size, spec.image_size))
    labels, left_out, damaged = list[int](), list[Path](), list[str]()

    def attempt(file: Path) -> "NDArray[np.uint8] | DataError | None":
        try:
            return decode(file, spec.image_size, spec.channels)
        except DataError as error:
            return error

    decoded = blocks.in_parallel(attempt, (file for _, file in listed))
    for (label, file), image in zip(listed, decoded, strict=True):
        if image is None:
            left_out.append(file)
        elif isinstance(image, DataError):
            damaged.append(str(image))
        else:
            images.append(image)
            labels.append(label)
    if damaged:
        raise DataError(f"{len(damaged)} image(s) cannot be decoded: {_list(damaged)}. Repair, convert or remove them.")
    return Samples(images.rows(), np.array(labels, np.int64)), left_out


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
