"""WAV files of every width against scipy's reader and the standard library's writer; what cannot be read, in words."""

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from compression_ops.data.formats import wave_file
from compression_ops.errors import DataError

SOUND = np.random.default_rng(0).uniform(-1, 1, (500, 2))


def written(width: int, channels: int = 1) -> bytes:
    """By the standard library: PCM of so many bytes a sample."""
    whole = np.rint(SOUND[:, :channels] * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    kept = (whole + 128 if width == 1 else whole).astype("<i8").reshape(-1, 1).view(np.uint8)[:, :width]
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sink:
            sink.setnchannels(channels)
            sink.setsampwidth(width)
            sink.setframerate(8000)
            sink.writeframes(kept.tobytes())
        return file.getvalue()


def decoded(tmp_path: Path, content: bytes, name: str = "a.wav") -> wave_file.Wave:
    (tmp_path / name).write_bytes(content)
    found = wave_file.decode(tmp_path / name)
    assert found is not None
    return found


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_pcm_of_every_width_is_what_was_written(tmp_path: Path, width: int, channels: int) -> None:
    found = decoded(tmp_path, written(width, channels))
    assert (found.rate, found.values.shape) == (8000, (500, channels))
    step = 32768 / 2 ** (8 * width - 1)
    np.testing.assert_allclose(found.values, SOUND[:, :channels] * 32768, atol=1.5 * step + 0.01)
    rate, scipys = wavfile.read(tmp_path / "a.wav")
    assert rate == 8000
    if width == 2:
        np.testing.assert_array_equal(found.values, scipys.reshape(500, channels))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_have_1_as_full_scale(tmp_path: Path, dtype: type[np.floating]) -> None:
    wavfile.write(tmp_path / "b.wav", 16000, SOUND.astype(dtype))
    found = decoded(tmp_path, (tmp_path / "b.wav").read_bytes())
    np.testing.assert_array_equal(found.values, (SOUND.astype(dtype) * 32768).astype(np.float32))


def test_chunks_of_other_programs_and_the_extensible_header_are_read(tmp_path: Path) -> None:
    plain = written(2)
    form = struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 16000, 2, 16)
    form += struct.pack("<HHI", 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
    listed = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    sound = plain[plain.index(b"data") :]
    content = b"RIFF" + struct.pack("<I", 0) + b"WAVE" + listed + b"fmt " + struct.pack("<I", len(form)) + form + sound
    np.testing.assert_array_equal(decoded(tmp_path, content).values, decoded(tmp_path, plain).values)
    piped = content.replace(b"data" + struct.pack("<I", 1000), b"data" + b"\xff" * 4)
    np.testing.assert_array_equal(decoded(tmp_path, piped).values, decoded(tmp_path, plain).values)


def _form(code: int, bits: int, rate: int = 8000, channels: int = 1) -> bytes:
    plain = written(2)
    return plain[:20] + struct.pack("<HHIIHH", code, channels, rate, 0, 0, bits) + plain[36:]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "an empty file"),
        (written(2)[:-100], "cut short: its header tells of 1,000 bytes of sound, and 900 are there"),
        (written(2)[:30], "holds no sound|its header is cut short"),
        (written(2)[:36], "holds no sound: it ends before a chunk `data`"),
        (written(2)[:40] + bytes(4), "not a single sample"),
        (b"ID3" + bytes(40), r"no WAV file: it begins with b'ID3.*ffmpeg"),
        (b"RIFX" + written(2)[4:], "of the kind RIFX"),
        (_form(7, 8), "compressed as µ-law; read are PCM of 8, 16, 24 and 32 bits"),
        (_form(17, 4), "compressed as IMA ADPCM"),
        (_form(0x1234, 16), "compressed as format 0x1234"),
        (_form(1, 12), "samples of 12 bits"),
        (_form(1, 16, rate=0), "at 0 Hz; allowed are"),
        (_form(1, 16, channels=0), r"0 channel\(s\)"),
        (_form(3, 32)[:44] + np.full(250, np.nan, "<f4").tobytes(), "no numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_the_file_and_the_cure(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.wav: .*({told})"):
        wave_file.decode(tmp_path / "a.wav")


def test_other_formats_of_recordings_are_refused_and_files_that_are_none_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.MP3").write_bytes(b"ID3")
    with pytest.raises(DataError, match=r"\.mp3 files are not read.*ffmpeg"):
        wave_file.decode(tmp_path / "a.MP3")
    (tmp_path / "notes.txt").write_text("two takes")
    assert wave_file.decode(tmp_path / "notes.txt") is None
    (tmp_path / "take1").write_bytes(written(2))
    assert wave_file.is_wave(tmp_path / "take1")
    assert not wave_file.is_wave(tmp_path / "notes.txt")


def test_a_recording_of_an_hour_is_refused(tmp_path: Path) -> None:
    content = _form(1, 16, rate=1000)
    sound = bytes(2 * 3_600_000)
    with pytest.raises(DataError, match="3,600 s long; allowed are 600 s"):
        decoded(tmp_path, content[:40] + struct.pack("<I", len(sound)) + sound)
