"""Folders of WAV files: what becomes of each recording, and what is told of odd ones."""

from pathlib import Path

import numpy as np
import pytest
from scipy import signal
from scipy.io import wavfile

from compression_ops.data.samples import HoldOut, Samples
from compression_ops.data.sources import wav_folder
from compression_ops.data.sources.wav_folder import WavFolder
from compression_ops.errors import DataError

DRAW = np.random.default_rng(0)


def spec(root: Path, **fields: object) -> WavFolder:
    given = {"source": "wav_folder", "path": str(root), "rate": 8000, "seconds": 0.5, "mels": 20}
    return WavFolder.model_validate({**given, **fields})


def noise(samples: int = 4000, size: float = 3000) -> np.ndarray:
    return np.clip(DRAW.normal(0, size, samples), -32768, 32767).astype(np.int16)


def grow(root: Path, names: tuple[str, ...] = ("cat/1", "cat/2", "dog/1", "dog/2")) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(root / f"{name}.wav", 8000, noise())
    return root


def recording(root: Path, name: str) -> np.ndarray:
    """As it was read."""
    train = wav_folder.read(spec(root), root).train
    assert train.names is not None
    return train.values[train.names.tolist().index(name)]


def test_recordings_of_the_right_rate_and_length_are_what_was_written(tmp_path: Path) -> None:
    raw = wav_folder.read(spec(grow(tmp_path)), tmp_path)
    assert (raw.classes, raw.warnings, raw.test) == (("cat", "dog"), (), HoldOut(0.2))
    assert raw.train.labels.tolist() == [0, 0, 1, 1]
    for name, found in zip(("cat/1", "cat/2", "dog/1", "dog/2"), raw.train.values, strict=True):
        np.testing.assert_array_equal(found, wavfile.read(tmp_path / f"{name}.wav")[1])
    assert raw.modality.described(raw.train.values.shape[1:]) == "recordings of 0.5 s at 8000 Hz"


def test_a_test_folder_is_the_test_split(tmp_path: Path) -> None:
    grow(tmp_path, ("train/cat/1", "train/dog/1", "test/cat/2", "test/dog/2"))
    raw = wav_folder.read(spec(tmp_path), tmp_path)
    assert isinstance(raw.test, Samples)
    assert (len(raw.train), len(raw.test)) == (2, 2)


def test_channels_are_mixed_and_other_rates_resampled_as_scipy_does_and_both_are_told(tmp_path: Path) -> None:
    stereo = np.stack([noise(11025), noise(11025)], axis=1)
    wavfile.write(grow(tmp_path) / "cat" / "3.wav", 22050, stereo)
    expected = signal.resample_poly(stereo.astype(np.float64).mean(axis=1), 160, 441)
    np.testing.assert_allclose(recording(tmp_path, "cat/3.wav"), np.rint(expected), atol=1)
    resampled, mixed = wav_folder.read(spec(tmp_path), tmp_path).warnings
    assert "1 recording(s) were resampled to 8,000 Hz (1 of 22,050 Hz)." in resampled
    assert "1 recording(s) have several channels, of which the mean was taken: cat/3.wav." in mixed


def test_of_long_recordings_the_loudest_is_kept_and_short_ones_lie_between_zeros(tmp_path: Path) -> None:
    long, short = noise(20_000, 300), noise(1001)
    long[9000:13_000] = noise(4000, 5000)
    for name, sound in (("3", long), ("4", short)):
        wavfile.write(grow(tmp_path) / "cat" / f"{name}.wav", 8000, sound)
    energies = [float((long[start : start + 4000].astype(float) ** 2).sum()) for start in range(16_001)]
    start = int(np.argmax(energies))
    np.testing.assert_array_equal(recording(tmp_path, "cat/3.wav"), long[start : start + 4000])
    np.testing.assert_array_equal(recording(tmp_path, "cat/4.wav"), [*[0] * 1499, *short, *[0] * 1500])
    more, less = wav_folder.read(spec(tmp_path), tmp_path).warnings
    assert "1 recording(s) are more than 2 times 0.5 s long; the loudest was kept: cat/3.wav." in more
    assert "1 recording(s) are less than half of 0.5 s long; zeros were added: cat/4.wav." in less


def test_silent_and_clipped_recordings_and_files_that_are_none_are_told(tmp_path: Path) -> None:
    grow(tmp_path)
    wavfile.write(tmp_path / "cat" / "3.wav", 8000, noise(size=3) + np.int16(500))
    wavfile.write(tmp_path / "dog" / "3.wav", 8000, noise(size=30_000))
    (tmp_path / "dog" / "notes.txt").write_text("two takes")
    left, silent, clipped = wav_folder.read(spec(tmp_path), tmp_path).warnings
    assert "1 file(s) are no recordings (1 .txt) and were left out: dog/notes.txt." in left
    assert "1 recording(s) are silent, 60 dB below full scale: cat/3.wav." in silent
    assert "1 recording(s) are clipped, with over 1 % of their samples at full scale (28 % in dog/3.wav)" in clipped


def test_a_class_of_silence_only_is_refused_by_its_name(tmp_path: Path) -> None:
    grow(tmp_path, ("cat/1", "dog/1"))
    (tmp_path / "mute").mkdir()
    wavfile.write(tmp_path / "mute" / "1.wav", 8000, np.zeros(4000, np.int16))
    with pytest.raises(DataError, match=r"all recordings of 1 class\(es\) are silent.*: mute\. Record them"):
        wav_folder.read(spec(tmp_path), tmp_path)


def test_all_recordings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    grow(tmp_path)
    whole = (tmp_path / "cat" / "1.wav").read_bytes()
    (tmp_path / "cat" / "1.wav").write_bytes(whole[:-500])
    (tmp_path / "dog" / "1.wav").write_bytes(b"")
    (tmp_path / "dog" / "3.flac").write_bytes(b"fLaC")
    with pytest.raises(DataError, match=r"3 recording.*\n.*1\.wav: cut short.*\n.*1\.wav: an empty.*\n.*\.flac files"):
        wav_folder.read(spec(tmp_path), tmp_path)


def test_speakers_stay_together_by_the_pattern_of_their_files(tmp_path: Path) -> None:
    grow(tmp_path, tuple(f"{name}/{speaker}_{take}" for name in ("cat", "dog") for speaker in "ab" for take in "12"))
    groups = wav_folder.read(spec(tmp_path, groups="/([a-z])_"), tmp_path).train.groups
    assert groups is not None
    assert groups.tolist() == ["a", "a", "b", "b"] * 2
    with pytest.raises(DataError, match=r"dataset\.groups: 8 of 8"):
        wav_folder.examine(spec(tmp_path, groups="/(speaker[0-9])_"), tmp_path)


def test_folders_without_recordings_and_bands_too_narrow_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no folders; expected one a class with its recordings inside"):
        wav_folder.examine(spec(tmp_path), tmp_path)
    with pytest.raises(DataError, match="Ask for fewer mels, or for longer frames"):
        wav_folder.examine(spec(tmp_path, frame_ms=4), tmp_path)
    assert wav_folder.locate(spec(tmp_path / "none"), [tmp_path]) is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seconds": 0.00001}, "dataset.seconds: 1e-05, 0 sample(s) at 8000 Hz, is shorter than a frame of 32 ms, 256"),
        ({"frame_ms": 501}, "4000 sample(s) at 8000 Hz, is shorter than a frame of 501 ms, 4008 samples"),
    ],
)
def test_recordings_shorter_than_a_frame_are_told_before_any_is_opened(
    tmp_path: Path, fields: dict[str, float], words: str
) -> None:
    (tmp_path / "cat").mkdir()
    for ask in (wav_folder.examine, wav_folder.read):
        with pytest.raises(DataError) as caught:
            ask(spec(tmp_path, **fields), tmp_path)
        assert words in str(caught.value)
    assert spec(tmp_path, frame_ms=500).modality().log_mel.frames(4000) == 1
