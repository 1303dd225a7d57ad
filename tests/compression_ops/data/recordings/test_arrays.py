"""Recordings that come as an array."""

import numpy as np
import pytest

from compression_ops.data.recordings.arrays import of_array
from compression_ops.errors import DataError


def test_whole_numbers_stay_and_floats_have_1_as_full_scale() -> None:
    whole = np.random.default_rng(0).integers(-32768, 32768, (4, 800)).astype(np.int16)
    values, modality = of_array(whole, "x.npz: train", 8000, mels=20)
    np.testing.assert_array_equal(values, whole)
    assert (modality.rate, modality.frame, modality.hop, modality.high) == (8000, 256, 128, 4000)
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(of_array((whole / 32768).astype(dtype), "", 8000, mels=20)[0], whole)
    assert of_array(np.ones((1, 800)), "", 8000, mels=20)[0].max() == 32767


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((4, 800), np.uint8), r"x: uint8 \[4, 800\]; recordings are int16 or floats"),
        (np.zeros((4, 800), np.int32), "x: int32"),
        (np.zeros((4, 2, 800), np.int16), r"\[4, 2, 800\]"),
        (np.full((4, 800), 1.5), r"3,200 value\(s\) outside -1 to 1, first at \[recording, sample\] = \[0, 0\]"),
        (np.full((4, 800), np.nan), "outside -1 to 1"),
        (np.zeros((4, 200), np.int16), "shorter than a frame of 256"),
    ],
)
def test_arrays_that_are_no_recordings_are_told(array: np.ndarray, told: str) -> None:
    with pytest.raises(DataError, match=told):
        of_array(array, "x", 8000, mels=20)
