"""`source: npz` with recordings and with texts: what the arrays mean, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compression_ops.data import soundness
from compression_ops.data.modalities.signal import Signal
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.data.samples import RawData, Samples
from compression_ops.data.sources import npz
from compression_ops.errors import DataError

LABELS = np.arange(12) % 2
RANDOM = np.random.default_rng(0)
PCM = RANDOM.integers(-32768, 32768, (12, 2000)).astype(np.int16)


def _read(folder: Path, arrays: dict[str, Any], **stated: Any) -> RawData:
    file = folder / "arrays.npz"
    np.savez(file, **arrays)
    spec = npz.NPZ(source="npz", path=str(file), **stated)
    npz.examine(spec, file)
    return npz.read(spec, file)


def test_recordings_are_pcm_as_they_are_and_floats_of_its_full_scale(tmp_path: Path) -> None:
    arrays = {"x_train": PCM, "y_train": LABELS, "x_test": PCM[:4], "y_test": LABELS[:4]}
    found = _read(tmp_path, arrays, samples="signal", rate=8000)
    assert isinstance(found.modality, Signal)
    assert found.modality.rate == 8000
    np.testing.assert_array_equal(found.train.values, PCM)
    assert isinstance(found.test, Samples)
    np.testing.assert_array_equal(found.test.values, PCM[:4])
    floats = _read(tmp_path, {"images": PCM / 32768, "labels": LABELS}, samples="signal", rate=8000)
    np.testing.assert_array_equal(floats.train.values, PCM)


def test_texts_are_strings_or_ids(tmp_path: Path) -> None:
    texts = np.array([f"word{number} the same" for number in range(12)])
    found = _read(tmp_path, {"images": texts, "labels": LABELS}, samples="tokens")
    assert isinstance(found.modality, Tokens)
    assert len({row.tobytes() for row in found.train.values}) == 12
    found = _read(tmp_path, {"images": texts, "labels": LABELS}, samples="tokens", length=2, vocabulary=30)
    assert found.modality == Tokens("words", 32, tuple(sorted(["the", *(f"word{number}" for number in range(12))])))
    assert found.train.values.shape == (12, 2)
    assert [text for text in found.warnings if "all 12 texts are longer than length, 2 words, and were cut" in text]
    ids = RANDOM.integers(1, 50, (12, 7))
    found = _read(tmp_path, {"images": ids, "labels": LABELS}, samples="tokens")
    np.testing.assert_array_equal(found.train.values, ids)


@pytest.mark.parametrize(
    ("arrays", "stated", "words"),
    [
        (PCM, {"samples": "signal"}, "dataset.rate: None with `samples: signal`"),
        (PCM, {"samples": "tokens", "rate": 8000}, "dataset.rate: 8000 with `samples: tokens`"),
        (PCM, {}, "Of rows state `samples: table` in the recipe's dataset, of recordings `samples: signal`"),
        (np.array(["a", "b"] * 6), {}, "Of texts state `samples: tokens`"),
        (PCM[:, :, None, None], {"rate": 8000}, "dataset.rate: 8000 with `samples: images`"),
        (PCM, {"samples": "signal", "rate": 8000, "length": 3}, "dataset.length: it is of texts"),
        (PCM[:, :, None, None], {"buckets": 7}, "dataset.buckets: it is of texts, .* `samples: images`"),
        (PCM.astype(np.int64), {"samples": "signal", "rate": 8000}, "int64 .*recordings are int16 or floats"),
        (PCM.astype(float), {"samples": "signal", "rate": 8000}, "outside -1 to 1"),
        (PCM.astype(float), {"samples": "tokens"}, "allowed are ids of words"),
        (PCM.astype(np.int64), {"samples": "tokens"}, "ids from -"),
    ],
)
def test_other_arrays_and_a_rate_of_nothing_are_refused(
    arrays: np.ndarray[Any, Any], stated: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=words):
        _read(tmp_path, {"images": arrays, "labels": LABELS}, **stated)


def test_silent_and_clipped_recordings_are_told_as_of_files(tmp_path: Path) -> None:
    odd = PCM // 2
    odd[3], odd[4, :100] = 7, 32767
    arrays = {"x_train": PCM // 2, "y_train": LABELS, "x_test": odd, "y_test": LABELS}
    found = _read(tmp_path, arrays, samples="signal", rate=8000)
    assert len(found.warnings) == 2
    assert "test: 1 recording(s) are silent, 60 dB below full scale: [3]." in found.warnings[0]
    assert "test: 1 recording(s) are clipped" in found.warnings[1]
    assert "(5 % in [4])" in found.warnings[1]


def test_a_class_of_silence_is_refused_and_labels_that_name_none_are_left_to_others(tmp_path: Path) -> None:
    silent = np.where(LABELS[:, None] == 1, PCM % 7, PCM)
    with pytest.raises(DataError, match=r"train: all recordings of 1 class\(es\) are silent.*: 1\. Record"):
        _read(tmp_path, {"images": silent, "labels": LABELS}, samples="signal", rate=8000)
    for labels in (LABELS[:-1], np.where(LABELS == 1, 1, -1)):
        raw = _read(tmp_path, {"images": silent, "labels": labels}, samples="signal", rate=8000)
        with pytest.raises(DataError, match="label"):
            soundness.require_sound(raw)
