"""An image without a class, for a model that was made from others."""

import warnings
from pathlib import Path
from typing import Literal

from compression_ops.data.file_names import shown
from compression_ops.data.folders.pictures import LEAST_BITS
from compression_ops.data.formats.image_file import Picture, decode
from compression_ops.data.modalities.modality import Read
from compression_ops.errors import DataError


def read(file: Path, side: int, channels: Literal[1, 3]) -> list[Read]:
    """The one image of a file, uint8 [channels, side, side], as the source `image_folder` reads it; its name is the
    file's path, and `fault` says why it may be dark, or not upright.

    Raises DataError for a file that is no image, or cannot be decoded.
    """
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # what matters is told in our words
        picture = decode(file, side, channels)
    if picture is None:
        raise DataError(f"{shown(file)}: no image; allowed is a file that Pillow opens, such as PNG or JPEG")
    return [Read(str(file), picture.pixels, "; ".join(_faults(picture)) or None)]


def _faults(picture: Picture) -> list[str]:
    """What a data set would tell, or refuse."""
    told = list[str]()
    if picture.fault is not None:
        taken = "the pixels were taken as they are stored, not turned upright"
        told.append(f"metadata cannot be read ({picture.fault}); {taken}")
    if 0 < (bits := (picture.largest or 0).bit_length()) < LEAST_BITS:
        told.append(
            f"has 16 bits and uses {bits} of them, so of 8 bits it is nearly black; multiply its values by "
            f"{2 ** (16 - bits):,}, or save it with 8 bits"
        )
    if picture.frames:
        told.append("holds several frames or pages, of which the first was taken")
    return told
