"""One image file as an array of a fixed size."""

import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from compression_ops.data.formats import image_file
from compression_ops.errors import DataError


def decode(path: Path, side: int, channels: Literal[1, 3]) -> np.ndarray | None:
    """The pixels of an image whose metadata are sound."""
    picture = image_file.decode(path, side, channels)
    assert picture is None or picture.fault is None
    return None if picture is None else picture.pixels


def _noise(width: int = 12, height: int = 12, mode: str = "RGB") -> Image.Image:
    depth = {"RGB": 3, "L": 1}[mode]
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, depth), np.uint8)
    return Image.fromarray(pixels.squeeze())


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tga", ".ppm"])
def test_a_lossless_image_of_the_right_size_comes_out_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    image = _noise()
    image.save(tmp_path / f"image{suffix}")
    decoded = decode(tmp_path / f"image{suffix}", 12, 3)
    assert decoded is not None
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, np.asarray(image).transpose(2, 0, 1))


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".gif", ".jp2"])
def test_lossy_formats_are_read_as_pillow_reads_them(tmp_path: Path, suffix: str) -> None:
    _noise().save(tmp_path / f"image{suffix}")
    decoded = decode(tmp_path / f"image{suffix}", 12, 3)
    with Image.open(tmp_path / f"image{suffix}") as theirs:
        np.testing.assert_array_equal(decoded, np.asarray(theirs.convert("RGB")).transpose(2, 0, 1))


def test_the_content_not_the_name_says_what_is_an_image(tmp_path: Path) -> None:
    _noise().save(tmp_path / "image.png")
    (tmp_path / "image.png").rename(tmp_path / "image.txt")
    assert decode(tmp_path / "image.txt", 12, 3) is not None


def test_one_channel_is_luma(tmp_path: Path) -> None:
    image = _noise()
    image.save(tmp_path / "image.png")
    decoded = decode(tmp_path / "image.png", 12, 1)
    assert decoded is not None
    assert decoded.shape == (1, 12, 12)
    luma = np.asarray(image, np.float64) @ [0.299, 0.587, 0.114]
    assert np.abs(decoded[0] - luma).max() <= 0.5 + 1e-2


def test_a_grey_image_has_three_equal_channels_where_three_are_asked_for(tmp_path: Path) -> None:
    image = _noise(mode="L")
    image.save(tmp_path / "image.png")
    decoded = decode(tmp_path / "image.png", 12, 3)
    np.testing.assert_array_equal(decoded, np.stack([np.asarray(image)] * 3))


def test_the_largest_centred_square_is_cut_out_and_proportions_are_kept(tmp_path: Path) -> None:
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 200
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    Image.fromarray(pixels.transpose(1, 0, 2)).save(tmp_path / "tall.png")
    for name in ("wide", "tall"):
        decoded = decode(tmp_path / f"{name}.png", 10, 3)
        np.testing.assert_array_equal(decoded, np.full((3, 10, 10), 200))


def test_shrinking_averages_instead_of_skipping_pixels(tmp_path: Path) -> None:
    checkerboard = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)
    Image.fromarray(checkerboard).save(tmp_path / "image.png")
    decoded = decode(tmp_path / "image.png", 8, 1)
    assert decoded is not None
    assert np.abs(decoded.astype(int) - 127).max() <= 3


def test_a_small_image_is_enlarged(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (10, 20, 30)).save(tmp_path / "image.png")
    decoded = decode(tmp_path / "image.png", 8, 3)
    np.testing.assert_array_equal(decoded, np.broadcast_to(np.reshape([10, 20, 30], (3, 1, 1)), (3, 8, 8)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright_as_its_exif_says(tmp_path: Path, orientation: int) -> None:
    upright = np.asarray(_noise(mode="L"))
    # How each orientation stores an upright picture (EXIF 2.3, table 6).
    stored: dict[int, Any] = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored[orientation])).save(tmp_path / "image.png", exif=exif)
    decoded = decode(tmp_path / "image.png", 12, 1)
    assert decoded is not None
    np.testing.assert_array_equal(decoded[0], upright)


def test_sixteen_bits_are_scaled_to_eight_not_clipped(tmp_path: Path) -> None:
    values = (np.arange(64).reshape(8, 8) * 1040).astype(np.uint16)
    for suffix in (".png", ".tif", ".pgm"):
        Image.fromarray(values).save(tmp_path / f"image{suffix}")
        decoded = decode(tmp_path / f"image{suffix}", 8, 1)
        assert decoded is not None
        np.testing.assert_array_equal(decoded[0], np.rint(values / 257))


def test_transparent_parts_lie_over_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 8, 4))
    image.save(tmp_path / "image.png")
    decoded = decode(tmp_path / "image.png", 8, 3)
    assert decoded is not None
    assert decoded[:, 0, 0].tolist() == [200, 0, 0]
    assert decoded[:, 7, 0].tolist() == [255, 255, 255]


def test_a_palette_with_a_transparent_colour_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 9, 9, 9])
    image.save(tmp_path / "image.png", transparency=1)
    decoded = decode(tmp_path / "image.png", 8, 3)
    np.testing.assert_array_equal(decoded, np.full((3, 8, 8), 255))


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), level) for level in (50, 100)]
    frames[0].save(tmp_path / "image.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(tmp_path / "image.gif", 8, 1), np.full((1, 8, 8), 50))


@pytest.mark.parametrize("name", ["notes.txt", "Thumbs.db", "README", "labels.csv"])
def test_a_file_that_is_no_image_and_not_named_like_one_is_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("not an image")
    assert decode(tmp_path / name, 8, 3) is None


@pytest.mark.parametrize("name", ["image.png", "image.JPG", "image.heic", "image.svg", "image.webp"])
@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_a_file_named_like_an_image_that_is_none_is_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: not in an image format"):
        decode(tmp_path / name, 8, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".tif", ".bmp", ".webp"])
def test_an_image_cut_short_is_an_error_that_names_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image{suffix}"
    _noise(64, 64).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"image\{suffix}: "):
        decode(path, 8, 3)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "image.tif")
    with pytest.raises(DataError, match="floating point pixels have no fixed range"):
        decode(tmp_path / "image.tif", 8, 1)


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _noise(64, 64).save(tmp_path / "image.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match="more than 2,000 pixels"):
        decode(tmp_path / "image.png", 8, 3)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: cannot be read: No such file"):
        decode(tmp_path / "gone.png", 8, 3)


@pytest.mark.parametrize(("largest", "bits"), [(4095, 12), (65535, 16)])
def test_colours_of_sixteen_bits_tell_how_many_they_use(tmp_path: Path, largest: int, bits: int) -> None:
    """A PNG written by hand, since Pillow writes no colours of 16 bits."""
    rows = b"".join(b"\0" + struct.pack(">12H", *([largest, 0, largest // 2] * 4)) for _ in range(4))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts]
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    picture = image_file.decode(tmp_path / "deep.png", 8, 3)
    assert picture is not None
    assert picture.largest is not None
    assert picture.largest.bit_length() == bits
    Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / "plain.png")
    plain = image_file.decode(tmp_path / "plain.png", 8, 3)
    assert plain is not None
    assert plain.largest is None
