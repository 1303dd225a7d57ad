"""Pictures whose metadata are broken and whose pixels are not, and files of many modes and depths."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from compression_ops.data.formats.bare_image import without_metadata
from compression_ops.data.formats.image_file import decode
from compression_ops.errors import DataError

_RAW_EXIF = PngInfo()
_RAW_EXIF.add_text("Raw profile type exif", "\nexif\n 9\nzz")
_BROKEN_EXIF = b"\x00\x08\x00\x02\x01\x12\x00\x03"


def _noise(size: int = 16) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8))


def _encoded(suffix: str, **more: object) -> bytes:
    stream = io.BytesIO()
    _noise().save(stream, Image.registered_extensions()[suffix], **more)
    return stream.getvalue()


def _chunk(kind: bytes, content: bytes, checksum: int | None = None) -> bytes:
    crc = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def _inserted(png: bytes, chunk: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return png[:33] + chunk + png[33:]


_BROKEN = {
    "exif.png": _encoded(".png", exif=_BROKEN_EXIF),
    "exif.webp": _encoded(".webp", lossless=True, exif=_BROKEN_EXIF),
    "exif.jpg": _encoded(".jpg", exif=b"Exif\x00\x00" + b"MM\x00*\xff\xff\xff\xff" + b"\xff" * 40),
    "text_checksum.png": _inserted(_encoded(".png"), _chunk(b"tEXt", b"Comment\x00hello", checksum=1)),
    "text_bomb.png": _inserted(_encoded(".png"), _chunk(b"zTXt", b"a\x00\x00" + zlib.compress(b" " * 2**21))),
    "colour_profile.png": _inserted(_encoded(".png"), _chunk(b"iCCP", b"x\x00\x09" + b"junk")),
    "raw_exif.png": _encoded(".png", pnginfo=_RAW_EXIF),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("name", _BROKEN)
def test_pixels_are_taken_where_only_the_metadata_are_broken(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(_BROKEN[name])
    picture = decode(path, 16, 3)
    assert picture is not None
    bare = io.BytesIO()
    _noise().save(bare, "JPEG") if path.suffix == ".jpg" else _noise().save(bare, "PNG")
    with Image.open(bare) as theirs:
        np.testing.assert_array_equal(picture.pixels, np.asarray(theirs).transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["exif.png", "exif.webp", "text_checksum.png", "text_bomb.png", "raw_exif.png"])
def test_broken_metadata_are_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(_BROKEN[name])
    picture = decode(tmp_path / name, 16, 3)
    assert picture is not None
    assert picture.fault


def test_a_readable_orientation_beside_broken_fields_still_turns_the_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker"
    content = bytearray(exif.tobytes())
    content[content.index(struct.pack(">HH", 0x010F, 2)) + 3] = 99  # no such type
    _noise().save(tmp_path / "image.png", exif=bytes(content))
    picture = decode(tmp_path / "image.png", 16, 3)
    assert picture is not None
    np.testing.assert_array_equal(picture.pixels, np.rot90(np.asarray(_noise()), -1).transpose(2, 0, 1))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_an_image_without_its_metadata_has_the_same_pixels_and_none_of_them(suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    bare = without_metadata(_encoded(suffix, exif=exif, icc_profile=b"junk" * 50))
    assert bare is not None
    with Image.open(io.BytesIO(bare)) as image, Image.open(io.BytesIO(_encoded(suffix))) as plain:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(plain))
        assert not image.getexif()
        assert "icc_profile" not in image.info


def test_damaged_pixels_are_not_saved_by_leaving_metadata_aside(tmp_path: Path) -> None:
    content = bytearray(_BROKEN["exif.png"])
    content[content.index(b"IDAT") + 30] ^= 0xFF
    (tmp_path / "image.png").write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"image\.png: "):
        decode(tmp_path / "image.png", 16, 3)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_of_few_bits_spans_black_to_white(tmp_path: Path, bits: int) -> None:
    levels = (np.arange(64).reshape(8, 8) % 2**bits).astype(np.uint8)
    rows = b"".join(
        b"\x00" + np.packbits(np.unpackbits(row[:, None], axis=1)[:, -bits:].reshape(-1)).tobytes() for row in levels
    )
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, bits, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    (tmp_path / "image.png").write_bytes(content)
    picture = decode(tmp_path / "image.png", 8, 1)
    assert picture is not None
    np.testing.assert_array_equal(picture.pixels[0], levels * (255 // (2**bits - 1)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_gives_eight_bits_of_the_channels_asked_for(tmp_path: Path, mode: str, channels: int) -> None:
    image = _noise().convert("L").convert(mode) if mode not in ("PA", "I;16") else Image.new(mode, (16, 16), 9)
    image.save(tmp_path / f"image{'.jpg' if mode == 'YCbCr' else '.tif'}")
    picture = decode(next(tmp_path.iterdir()), 16, 3 if channels == 3 else 1)
    assert picture is not None
    assert (picture.pixels.shape, picture.pixels.dtype) == ((channels, 16, 16), np.uint8)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.h5", b"\x89HDF\r\n\x1a\n" + b"\x00" * 64),
        ("notes.txt", b"P1 patient was seen twice"),
        ("film.mpg", b"\x00\x00\x01\xb3" + b"\x10" * 32),
        ("report.pdf", b"%PDF-1.4"),
        ("half.txt", _encoded(".png")[:80]),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512),
    ],
)
def test_a_side_file_that_begins_like_an_image_is_left_out(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert decode(tmp_path / name, 8, 3) is None


def test_half_an_image_without_an_ending_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "0001").write_bytes(_encoded(".png")[:80])
    with pytest.raises(DataError, match="0001: "):
        decode(tmp_path / "0001", 8, 3)
