"""One image file of any kind as an array of a fixed size."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# Image formats that Pillow does not open by itself: such a file is a photo that would be lost, not a note beside it.
_FOREIGN = frozenset({".arw", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".jxl", ".nef", ".raw", ".svg"})


def decode(path: Path, side: int, channels: Literal[1, 3]) -> "NDArray[np.uint8] | None":
    """The image as uint8 [channels, side, side]; None for a file that neither is an image nor is named like one.

    Turned upright as its EXIF orientation says; transparent parts laid over white; 16-bit grey scaled to 8; RGB, or
    luma (ITU-R 601) for one channel; the largest centred square is cut out, so proportions are kept and the ends of the
    longer side are lost, and resized (bilinear, antialiased). Of an animation, the first frame.
    Raises DataError for an image that cannot be decoded.
    """
    import numpy as np
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            upright = ImageOps.exif_transpose(file)
            flat = _flatten(upright).convert("L" if channels == 1 else "RGB")
        square = ImageOps.fit(flat, (side, side), method=Image.Resampling.BILINEAR)
    except UnidentifiedImageError as error:
        if path.suffix.lower() not in _FOREIGN | Image.registered_extensions().keys():
            return None
        raise DataError(f"{path}: not in an image format that Pillow {Image.__version__} opens") from error
    except Exception as error:  # Pillow's decoders meet damaged bytes with exceptions of any type
        raise DataError(f"{path}: {type(error).__name__}: {error}") from error
    pixels = np.asarray(square, np.uint8).reshape(side, side, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _flatten(image: "Image") -> "Image":
    """The image without transparency and with 8 bits a channel."""
    import numpy as np
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating point pixels have no fixed range; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        # Pillow's own conversion to 8 bits clips at 255 instead of scaling.
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"pixels from {values.min()} to {values.max()}; save the image with 8 or 16 bits")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA"))
    return image
