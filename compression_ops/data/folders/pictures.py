"""The pictures of a split decoded to one size, and what was met on the way."""

import warnings as python_warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from compression_ops.data.file_names import lines, listed, shown
from compression_ops.data.folders.content import Content
from compression_ops.data.folders.layout import Labelled
from compression_ops.data.formats.image_file import FOREIGN, Picture, decode, is_named_like_a_picture, is_picture
from compression_ops.data.samples import Samples
from compression_ops.data.storage import blocks
from compression_ops.data.storage.spool import Spool
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURES = Content("picture", is_named_like_a_picture, is_picture, FOREIGN)
# Of an image of 16 bits that uses fewer, less than 32 of 256 levels would be left; with fewer than the second, the
# user is told.
LEAST_BITS, _USUAL_BITS = 13, 15


@dataclass
class Met:
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
        if 0 < bits < LEAST_BITS:
            raise DataError(
                f"{self.root}: {len(self.deep):,} image(s) have 16 bits and use no more than {bits} of them: the "
                f"largest value is {max(self.deep.values()):,} of 65,535. Scaled from 16 to 8 bits they would be "
                f"nearly black. Multiply their values by {2 ** (16 - bits):,}, or save them with 8 bits:"
                + lines([*self.deep])
            )

    @property
    def _bits(self) -> int:
        """That the images of 16 use, all together; 0 where there are none, or all are black."""
        return max(self.deep.values(), default=0).bit_length()

    def warnings(self) -> list[str]:
        told = list[str]()
        if LEAST_BITS <= self._bits < _USUAL_BITS:
            told.append(
                f"{len(self.deep):,} image(s) have 16 bits and use {self._bits} of them; scaled to 8 bits, "
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


def read_split(
    split: Sequence[Labelled],
    side: int,
    channels: Literal[1, 3],
    met: Met,
    groups: "Callable[[Sequence[Labelled]], NDArray[np.str_]] | None" = None,
) -> Samples:
    """Decode one split's files, on all cores: images uint8 [N, channels, side, side], labels int64 [N], names [N].

    met     is told of every file; what cannot be decoded is only noted there (see `Met.require_decoded`)
    groups  gives the group of each of the files that were taken; None where there are none

    Files that are no images are left out, so N may be less than there are files.
    """
    import numpy as np
    from PIL import Image

    # Pillow registers its formats at first use, and threads that meet there can miss some.
    Image.init()
    images = Spool((channels, side, side))
    taken = list[Labelled]()

    def attempt(labelled: Labelled) -> Picture | DataError | None:
        try:
            return decode(labelled.file, side, channels)
        except DataError as error:
            return error

    # Pillow tells of odd metadata on the standard error; what matters of it is told in words of our own.
    with python_warnings.catch_warnings(action="ignore", category=UserWarning):
        for labelled, picture in zip(split, blocks.in_parallel(attempt, split), strict=True):
            met.add(labelled.file, picture)
            if isinstance(picture, Picture):
                images.append(picture.pixels)
                taken.append(labelled)
    names = np.array([shown(item.file.relative_to(met.root).as_posix()) for item in taken], np.str_)
    labels = np.array([item.label for item in taken], np.int64)
    return Samples(images.rows(), labels, None if groups is None else groups(taken), names)
