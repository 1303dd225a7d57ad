"""Log-mel energies in integers are those of the definition in float64, for frames of any length and any recording."""

import numpy as np
import pytest

from compression_ops.c_code.inputs import signal
from compression_ops.c_code.inputs.log_mel import LOG, Integers
from compression_ops.data.modalities.log_mel import FLOOR, LogMel

# Frames of powers of two, of other factors, and of a length that is the product of two large primes.
SPECTRA = [
    LogMel(8000, 256, 128, 40, 60.0, 4000.0),
    LogMel(16000, 400, 160, 40, 60.0, 8000.0),
    LogMel(16000, 30, 30, 3, 0.0, 8000.0),
    LogMel(44100, 1411, 700, 64, 60.0, 22050.0),
]


def recordings(rate: int, samples: int) -> np.ndarray:
    """int16 [N, samples]: noise of every level, sines of full scale, silence, and the largest steps."""
    generator, time = np.random.default_rng(0), np.arange(samples) / rate
    noise = generator.normal(size=(30, samples)) * 10 ** generator.uniform(0, 4.5, (30, 1))
    sines = 32767 * np.sin(2 * np.pi * generator.uniform(60, rate / 2, (30, 1)) * time)
    steps = generator.integers(0, 2, (5, samples)) * 65535 - 32768
    found = np.concatenate([noise, sines, steps, np.zeros((1, samples)), np.full((1, samples), -32768)])
    return np.clip(found, -32768, 32767).astype(np.int16)


def defined(spectrum: LogMel, pcm: np.ndarray) -> np.ndarray:
    """float64 [N, mels, frames]."""
    size, bins = spectrum.frame, np.array(spectrum.bins)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)) * spectrum.scale
    framed = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float64), size, axis=1)[:, :: spectrum.hop]
    power = np.abs(framed * window @ np.exp(-2j * np.pi * np.outer(np.arange(size), bins) / size)) ** 2
    edges = spectrum.edges.astype(np.float64)
    triangles = [np.interp(bins * spectrum.rate / size, edges[m : m + 3], [0, 1, 0]) for m in range(spectrum.mels)]
    return np.log(power @ np.array(triangles).T + FLOOR).transpose(0, 2, 1)


@pytest.mark.parametrize("spectrum", SPECTRA, ids=lambda spectrum: str(spectrum.frame))
def test_logarithms_are_within_the_stated_bound_of_the_definition(spectrum: LogMel) -> None:
    pcm = recordings(spectrum.rate, spectrum.frame + 4 * spectrum.hop)
    integers = Integers(spectrum, pcm.shape[1], FLOOR)
    found = integers.of(pcm.astype(np.int64)) / 2**LOG * np.log(2) + np.log(integers.unit)
    expected = defined(spectrum, pcm)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4)
    assert np.abs(found - expected).mean() < 3e-5


def test_the_floor_is_that_of_the_samples() -> None:
    assert signal._FLOOR == FLOOR
