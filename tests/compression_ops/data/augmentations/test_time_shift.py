"""Shifts of recordings against a plain loop."""

import numpy as np
import torch
from scipy import stats

from compression_ops.data.augmentations import time_shift
from compression_ops.data.augmentations.time_shift import TimeShift
from compression_ops.data.dataset import Description
from compression_ops.data.modalities.signal import Signal

DESCRIPTION = Description(("a", "b"), (300,), (0.0,) * 4, (1.0,) * 4, Signal(8000, 4, 256, 128, 60.0, 4000.0))


def test_a_recording_is_moved_and_silence_fills_what_is_left() -> None:
    sound = torch.arange(1.0, 301).repeat(5, 1)
    moved = time_shift.transform(TimeShift(samples=299), sound, (torch.tensor([0, 7, -7, 299, -299]),), DESCRIPTION)
    expected = np.zeros((5, 300))
    for row, shift in enumerate((0, 7, -7, 299, -299)):
        for place in range(300):
            if 0 <= place + shift < 300:
                expected[row, place + shift] = place + 1
    np.testing.assert_array_equal(moved.numpy(), expected)


def test_every_shift_up_to_the_largest_is_drawn_equally_often() -> None:
    (shifts,) = time_shift.draw(TimeShift(samples=4), 90_000, (300,), torch.Generator().manual_seed(3))
    counts = torch.bincount(shifts + 4)
    assert len(counts) == 9
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_a_shift_as_long_as_the_recording_does_not_fit() -> None:
    assert time_shift.misfits(TimeShift(samples=299), (300,)) == ()
    (misfit,) = time_shift.misfits(TimeShift(samples=300), (300,))
    assert (misfit.field, misfit.allowed) == ("samples", "less than 300, a recording's length")
