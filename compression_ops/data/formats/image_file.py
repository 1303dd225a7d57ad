"""One image file of any kind as an array of a fixed size."""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from compression_ops.data.file_names import shown
from compression_ops.data.formats.bare_image import without_metadata
from compression_ops.data.storage import blocks, memory
from compression_ops.errors import CompressionError, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# Image formats that Pillow does not open by itself: such a file is a photo that would be lost, not a note beside it.
FOREIGN = frozenset(
    {".arw", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".jxl", ".nef", ".orf", ".raf", ".raw", ".rw2", ".svg"}
)
# What Pillow knows by name though it is no picture: documents, films and tables of numbers.
_NO_PICTURES = frozenset({".pdf", ".ps", ".mpg", ".mpeg", ".h5", ".hdf", ".bufr", ".grib"})
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_ORIENTATION = 0x0112
_BEGINS = 32  # bytes, by which a kind of file is known
# Bytes a pixel that decoding takes at most: of a transparent image, which is also laid over white, and of others.
_TRANSPARENT_BYTES, _PIXEL_BYTES = 28, 16
_LARGEST = 1 << 30  # bytes; a file of as many pixels as Pillow opens is smaller


@dataclass(frozen=True)
class Picture:
    """One decoded image.

    pixels   uint8 [channels, side, side]
    fault    why its metadata cannot be read, so that it may not be upright; None if they can
    frames   whether the file holds more of them: the first was taken
    largest  the largest value of an image of 16 bits, before it was scaled to 8, or as far as its upper 8 bits tell;
             None for all others
    """

    pixels: "NDArray[np.uint8]"
    fault: str | None = None
    frames: bool = False
    largest: int | None = None


def decode(path: Path, side: int, channels: Literal[1, 3]) -> Picture | None:
    """The image; None for a file that neither is an image nor is named like one.

    Turned upright as its EXIF orientation says; transparent parts laid over white; 16-bit grey scaled to 8; RGB, or
    luma (ITU-R 601) for one channel; the largest centred square is cut out, so proportions are kept and the ends of the
    longer side are lost, and resized (bilinear, antialiased). Of an animation, the first frame. Metadata that cannot be
    read beside pixels that can are left aside, and told in the result.
    Raises DataError for an image that cannot be decoded and for a file that cannot be read, MemoryLimitError for one
    that takes more memory than there is.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        return _picture(path, side, channels)
    except CompressionError:
        raise
    except Exception as error:  # Pillow's decoders meet damaged bytes with exceptions of any type
        if isinstance(error, OSError) and error.errno is not None:
            raise DataError(f"{shown(path)}: cannot be read: {error.strerror}") from error
        if isinstance(error, Image.DecompressionBombError):
            most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
            raise DataError(f"{shown(path)}: more than {most:,} pixels, as its head says. Make it smaller") from error
        bare = _bare_picture(path, side, channels, error)
        if bare is not None:
            return bare
        if not is_named_like_a_picture(path.name) and (path.suffix or isinstance(error, UnidentifiedImageError)):
            return None
        if isinstance(error, UnidentifiedImageError):
            cause = f"not in an image format that Pillow {Image.__version__} opens"
            raise DataError(f"{shown(path)}: {cause}") from error
        raise DataError(f"{shown(path)}: {type(error).__name__}: {shown(error)}") from error


def is_named_like_a_picture(name: str) -> bool:
    """Whether a file of this name should be an image, be it of a format that Pillow does not open."""
    return _is_a_pictures(Path(name).suffix.lower())


def is_picture(path: Path) -> bool:
    """Whether Pillow knows a file for an image by its first bytes, whatever its name."""
    from PIL import Image

    try:
        with Image.open(path):
            return True
    except Exception:  # noqa: BLE001  Pillow meets bytes of other kinds with exceptions of any type
        return False


@cache
def _is_a_pictures(suffix: str) -> bool:
    from PIL import Image

    return suffix not in _NO_PICTURES and (suffix in FOREIGN or suffix in Image.registered_extensions())


def _bare_picture(path: Path, side: int, channels: Literal[1, 3], error: Exception) -> Picture | None:
    """The image without the metadata that may be what `error` is about; None if it cannot be decoded either."""
    with path.open("rb") as file:
        begins = file.read(_BEGINS)
        if without_metadata(begins) is None:
            return None
        with memory.held(shown(path), 4 * min(path.stat().st_size, _LARGEST)):
            bare = without_metadata(begins + file.read(_LARGEST))
    if bare is None:
        return None
    try:
        picture = _picture(io.BytesIO(bare), side, channels, shown(path))
    except CompressionError:
        raise
    except Exception:  # noqa: BLE001  the first error is the one to tell
        return None
    return Picture(picture.pixels, f"{type(error).__name__}: {shown(error)}", picture.frames, picture.largest)


def _picture(file: "Path | IO[bytes]", side: int, channels: Literal[1, 3], where: str = "") -> Picture:
    from PIL import Image

    with Image.open(file) as image:
        width, height = image.size
        size = width * height * (_TRANSPARENT_BYTES if image.has_transparency_data else _PIXEL_BYTES)
        with memory.held(where or shown(file), size):
            return _squared(image, side, channels)


def _squared(image: "Image", side: int, channels: Literal[1, 3]) -> Picture:
    """What was opened, decoded."""
    import numpy as np
    from PIL import Image, ImageOps

    # Of colours of 16 bits Pillow reads the upper 8 alone. BGR;16 are 16 bits a pixel.
    tiles: Any = getattr(image, "tile", ())
    is_deep = any(";16" in str(part[3]) and "BGR" not in str(part[3]) for part in tiles)
    image.load()
    frames = _holds_frames(image)
    upright, fault = _upright(image)
    flat, largest = _flatten(upright)
    if is_deep and largest is None:
        largest = max(high for _, high in _extremes(flat)) << 8 | 0xFF
    flat = flat.convert("L" if channels == 1 else "RGB")
    square = ImageOps.fit(flat, (side, side), method=Image.Resampling.BILINEAR)
    pixels = np.asarray(square, np.uint8).reshape(side, side, channels)
    return Picture(np.ascontiguousarray(pixels.transpose(2, 0, 1)), fault, frames, largest)


def _extremes(image: "Image") -> tuple[tuple[int, int], ...]:
    """(smallest, largest) value of each channel."""
    found: Any = image.getextrema()
    return found if isinstance(found[0], tuple) else (found,)


def _holds_frames(image: "Image") -> bool:
    try:
        # A photo with a preview of itself is such a file too, which a camera means to be one picture.
        frames = image.format != "MPO" and bool(getattr(image, "is_animated", False))
        image.seek(0)
        image.load()
    except Exception:  # noqa: BLE001  what comes after the first frame may be broken in any way
        return False
    return frames


def _upright(image: "Image") -> tuple["Image", str | None]:
    """The image turned as its EXIF orientation (EXIF 2.3, table 6) says; or as it is, and why that cannot be read."""
    from PIL import Image

    turn = Image.Transpose
    turns = (turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM, turn.TRANSPOSE, turn.ROTATE_270)
    turns = (*turns, turn.TRANSVERSE, turn.ROTATE_90)
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception as error:  # noqa: BLE001  as above
        return image, f"{type(error).__name__}: {shown(error)}"
    if isinstance(orientation, int) and 2 <= orientation <= 8:
        return image.transpose(turns[orientation - 2]), None
    return image, None


def _flatten(image: "Image") -> tuple["Image", int | None]:
    """The image without transparency and with 8 bits a channel; and the largest value, if it has 16."""
    import numpy as np
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating point pixels have no fixed range; save the image with 8 or 16 bits")
    if image.mode in _DEEP:
        # Pillow's own conversion to 8 bits clips at 255 instead of scaling.
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"pixels from {values.min()} to {values.max()}; save the image with 8 or 16 bits")
        scaled = [((rows.astype(np.int32) + 128) // 257).astype(np.uint8) for rows in blocks.of(values)]
        return Image.fromarray(np.concatenate(scaled)), int(values.max())
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        straight = image.convert("LA") if image.mode == "La" else image
        return Image.alpha_composite(white, straight.convert("RGBA")), None
    return image, None
