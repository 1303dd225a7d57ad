"""Synthetic words: how many there are, that they are the same every time, and that they sound as they say."""

import numpy as np
import pytest

from compression_ops.data import soundness
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.sources import tones
from compression_ops.data.sources.tones import Tones

SPEC = Tones(source="tones", per_class=20)


@pytest.fixture(scope="module")
def raw() -> RawData:
    root = tones.locate(SPEC, [])
    assert root is not None
    assert tones.files(SPEC, root) == [root]
    return tones.read(SPEC, root)


def test_what_it_holds(raw: RawData) -> None:
    soundness.require_sound(raw)
    assert raw.train.values.shape == (200, 4000)
    assert raw.train.values.dtype == np.int16
    assert np.bincount(raw.train.labels).tolist() == [20] * 10
    assert raw.test == HoldOut(0.2)
    assert raw.modality.described((4000,)) == "recordings of 0.5 s at 8000 Hz"
    assert len({one.tobytes() for one in raw.train.values}) == 200


def test_fewer_of_them_are_the_first_of_more(raw: RawData) -> None:
    few = tones.read(Tones(source="tones", per_class=10), tones.files(SPEC, tones.locate(SPEC, []))[0])
    np.testing.assert_array_equal(few.train.values, raw.train.values[:100])


def test_words_begin_and_end_with_their_first_resonance(raw: RawData) -> None:
    """Of `ai`, which falls from 730 to 390 Hz, and of `ia`, which rises: the centre of power below 1 kHz moves so."""
    for word, sign in (("ai", -1), ("ia", 1)):
        sounds = raw.train.values[raw.train.labels == raw.classes.index(word)].astype(float)
        moves = []
        for sound in sounds:
            energy = np.convolve(sound**2, np.ones(200) / 200, "same")
            heard = np.flatnonzero(energy > 0.3 * energy.max())
            first, last = (sound[place : place + 600] for place in (heard[0], max(heard[-1] - 600, 0)))
            powers = [np.abs(np.fft.rfft(part * np.hanning(len(part)), 1024)) ** 2 for part in (first, last)]
            hertz = np.arange(20, 128) * 8000 / 1024
            start, end = ((power[20:128] @ hertz) / power[20:128].sum() for power in powers)
            moves.append(end - start)
        assert np.sign(np.median(moves)) == sign
