"""An image without a class, for a model that was made from others."""

import warnings
from pathlib import Path
from typing import Literal

from compression_ops.data.file_names import shown
from compression_ops.data.formats.image_file import decode
from compression_ops.data.modalities.modality import Read
from compression_ops.errors import DataError


def read(file: Path, side: int, channels: Literal[1, 3]) -> list[Read]:
    """The one image of a file, uint8 [channels, side, side], as the source `image_folder` reads it; its name is the
    file's path, and `fault` says why it may not be upright.

    Raises DataError for a file that is no image, or cannot be decoded.
    """
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # what matters is told in our words
        picture = decode(file, side, channels)
    if picture is None:
        raise DataError(f"{shown(file)}: no image; allowed is a file that Pillow opens, such as PNG or JPEG")
    fault = None
    if picture.fault is not None:
        taken = "the pixels were taken as they are stored, not turned upright"
        fault = f"metadata cannot be read ({picture.fault}); {taken}"
    return [Read(str(file), picture.pixels, fault)]
