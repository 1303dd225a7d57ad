"""Log-mel energies in torch, NumPy and ONNX against plain loops over the definition, and against scipy's spectra."""

import json
import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from scipy import signal as scipy_signal

from compression_ops.data.dataset import Description
from compression_ops.data.modalities import known
from compression_ops.data.modalities.log_mel import LogMel
from compression_ops.data.modalities.signal import Signal
from compression_ops.data.recordings.spec import modality_of
from compression_ops.errors import DataError
from compression_ops.evaluation import cost
from compression_ops.onnx_model import metadata, raw_samples
from tests.compression_ops import linear_models

SIGNAL = Signal(8000, 20, 256, 128, 60.0, 4000.0)
SAMPLES, FRAMES = 2000, 14


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    """Noise of all levels, sines of full scale, silence, and one click: int16 [N, 2000]."""
    draw = np.random.default_rng(0)
    noise = [draw.normal(0, 10**level, SAMPLES) for level in np.linspace(0, 4.2, 30)]
    times = np.arange(SAMPLES) / 8000
    sines = [32767 * np.sin(2 * np.pi * hertz * times) for hertz in (100, 440, 1000, 3777)]
    click = np.where(np.arange(SAMPLES) == 700, -32768, 0)
    every = np.stack([*noise, *sines, np.zeros(SAMPLES), click])
    return np.clip(np.rint(every), -32768, 32767).astype(np.int16)


@pytest.fixture(scope="module")
def description(pcm: np.ndarray) -> Description:
    mean, std, warnings = SIGNAL.statistics(pcm, "train")
    assert warnings == []
    return Description(("a", "b", "c"), (SAMPLES,), mean, std, SIGNAL)


def mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


def reference(pcm: np.ndarray, signal: Signal) -> np.ndarray:
    """By the definition, in float64, a frame and a band at a time: [N, mels, frames]."""
    low, high = mel(signal.low), mel(signal.high)
    edges = [700 * (10 ** ((low + (high - low) * m / (signal.mels + 1)) / 2595) - 1) for m in range(signal.mels + 2)]
    hann = np.array([0.5 - 0.5 * math.cos(2 * math.pi * n / signal.frame) for n in range(signal.frame)])
    frequencies = np.arange(signal.frame // 2 + 1) * signal.rate / signal.frame
    found = np.zeros((len(pcm), signal.mels, 1 + (pcm.shape[1] - signal.frame) // signal.hop))
    for row, one in enumerate(pcm / 32768):
        for column in range(found.shape[2]):
            frame = one[column * signal.hop : column * signal.hop + signal.frame]
            power = (np.abs(np.fft.rfft(frame * hann)) / (hann.sum() / 2)) ** 2
            for m in range(signal.mels):
                triangle = np.interp(frequencies, edges[m : m + 3], [0, 1, 0])
                found[row, m, column] = math.log(triangle @ power + 1e-7)
    return found


def test_log_mel_energies_are_those_of_the_definition(pcm: np.ndarray) -> None:
    np.testing.assert_allclose(SIGNAL.log_mel.of_array(pcm), reference(pcm, SIGNAL), atol=2e-4)


def test_spectra_are_those_of_scipy(pcm: np.ndarray) -> None:
    """A band an eighth of a bin wide on each side holds that bin alone; scipy scales a sine of amplitude 1 to 1 / 2."""
    for number in (13, 32, 100):
        hertz = number * 31.25
        one = Signal(8000, 1, 256, 128, hertz - 3.9, hertz + 3.9)
        _, _, spectra = scipy_signal.stft(pcm / 32768, 8000, "hann", 256, 128, boundary=None, padded=False)
        centre = one.log_mel.edges[1]
        height = (
            min((hertz - one.log_mel.edges[0]) / (centre - one.log_mel.edges[0]), 1.0)
            if hertz <= centre
            else ((one.log_mel.edges[2] - hertz) / (one.log_mel.edges[2] - centre))
        )
        expected = np.log(height * (2 * np.abs(spectra[:, number])) ** 2 + 1e-7)
        np.testing.assert_allclose(one.log_mel.of_array(pcm)[:, 0], expected, atol=2e-4)


@pytest.mark.parametrize("opset", [15, 18, 21])
def test_torch_numpy_and_onnx_agree_within_a_ten_thousandth_of_a_standard_deviation(
    pcm: np.ndarray, description: Description, opset: int
) -> None:
    mean, std = (np.array(each).reshape(1, -1, 1) for each in (description.mean, description.std))
    expected = ((reference(pcm, SIGNAL) - mean) / std)[:, None]
    np.testing.assert_allclose(SIGNAL.normalize_array(pcm, description), expected, atol=1e-4)
    np.testing.assert_allclose(SIGNAL.normalize(torch.from_numpy(pcm), description), expected, atol=1e-4)
    weights = np.zeros((math.prod(description.input_shape), 3))
    model = linear_models.linear(weights, description.input_shape)
    model.opset_import[0].version = opset
    inside = raw_samples.normalizing(model, description)
    onnx.checker.check_model(inside, full_check=True)
    watched = inside.graph.node[len(inside.graph.node) - len(model.graph.node) - 1].output[0]
    inside.graph.output.append(onnx.helper.make_tensor_value_info(watched, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(inside.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run([watched], {"signal": pcm})[0], expected, atol=1e-4)
    assert session.run([watched], {"signal": pcm[:0]})[0].shape == (0, 1, 20, FRAMES)
    np.testing.assert_allclose(session.run([watched], {"signal": pcm[3:4]})[0], expected[3:4], atol=1e-4)


def test_the_file_grows_by_little_and_by_nothing_that_was_learned(description: Description) -> None:
    network = linear_models.linear(np.ones((20 * FRAMES, 3)), description.input_shape)
    before, after = (
        cost.measure(m.SerializeToString()) for m in (network, raw_samples.normalizing(network, description))
    )
    assert (after.parameters, after.weight_bytes) == (before.parameters, before.weight_bytes)
    assert after.file_bytes - before.file_bytes < 4000
    bins = len(SIGNAL.log_mel.bins)
    assert after.macs - before.macs == FRAMES * 2 * bins * (256 + 20)


def test_statistics_are_those_of_all_frames(pcm: np.ndarray, description: Description) -> None:
    every = reference(pcm, SIGNAL)
    np.testing.assert_allclose(description.mean, every.mean(axis=(0, 2)), rtol=1e-4)
    np.testing.assert_allclose(description.std, every.std(axis=(0, 2)), rtol=1e-4)


def test_statistics_are_the_same_where_a_processor_sums_in_another_order(
    pcm: np.ndarray, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, order = SIGNAL.log_mel, np.random.default_rng(0).permutation(len(SIGNAL.log_mel.bins))

    def of_array(self: LogMel, pcm: np.ndarray) -> np.ndarray:
        framed = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float32), self.frame, axis=1)
        spectrum = np.fft.rfft(framed[:, :: self.hop] * self.window)[..., self.bins.start : self.bins.stop]
        power = (spectrum.real**2 + spectrum.imag**2)[..., order]
        summed = sum((power[..., k, None] * self.filters[:, order[k]] for k in range(len(order))), np.float32(0))
        return np.log(summed + np.float32(1e-7)).transpose(0, 2, 1)

    assert (of_array(own, pcm) != own.of_array(pcm)).any()
    monkeypatch.setattr(LogMel, "of_array", of_array)
    assert SIGNAL.statistics(pcm, "train")[:2] == (description.mean, description.std)


def test_a_band_that_nothing_is_heard_from_is_told_and_silence_alone_is_refused() -> None:
    draw = np.random.default_rng(0)
    low = scipy_signal.sosfilt(scipy_signal.butter(20, 700, fs=8000, output="sos"), draw.normal(0, 1e3, (6, 4000)))
    _, std, warnings = SIGNAL.statistics(np.rint(low).astype(np.int16), "train")
    assert all(value > 0 for value in std)
    assert any("nothing is heard from" in warning and "Hz" in warning for warning in warnings)
    with pytest.raises(DataError, match="every recording is the same"):
        SIGNAL.statistics(np.zeros((4, 2000), np.int16), "train")


def _index(before: np.ndarray, after: np.ndarray) -> float:
    edges = np.quantile(before, np.arange(1, 10) / 10)
    p, q = (np.bincount(np.searchsorted(edges, each.reshape(-1)), minlength=10) / each.size for each in (before, after))
    return float(((q - p) * np.log(q / p)).sum())


def test_drift_is_the_largest_stability_index_of_a_band() -> None:
    draw = np.random.default_rng(0)
    before, after = (np.rint(draw.normal(0, size, (60, 2000))).astype(np.int16) for size in (1000, 1150))
    heard = [reference(one, SIGNAL).transpose(1, 0, 2) for one in (before, after)]
    bands = [_index(*each) for each in zip(*heard, strict=True)]
    assert SIGNAL.drift(before, after, SIGNAL) == pytest.approx(max(bands), rel=0.05)
    assert SIGNAL.drift(before, before, SIGNAL) == 0


def test_the_same_sound_at_another_rate_is_no_drift() -> None:
    sound = np.random.default_rng(0).normal(0, 1000, (60, 4000))
    half = scipy_signal.resample_poly(sound, 1, 2, axis=1)
    whole, less = (np.rint(each).astype(np.int16) for each in (sound, half))
    fast, slow = (Signal(rate, 20, rate * 32 // 1000, rate * 16 // 1000, 60.0, 3400.0) for rate in (16000, 8000))
    assert slow.drift(whole, less, fast) < 0.1 < slow.drift(whole, 2 * less, fast)
    np.testing.assert_allclose(fast.translated(whole, SIGNAL)[:, 1000:3000].astype(float), less.astype(float), atol=1)
    assert fast.translated(whole, fast) is whole


@pytest.mark.parametrize(("fast", "slow"), [(16000, 8000), (22050, 16000), (48000, 8000)])
def test_whatever_the_rates_what_neither_can_hold_is_no_drift(fast: int, slow: int) -> None:
    sound = np.random.default_rng(1).normal(0, 2000, (20, fast)) * np.linspace(1, 2, 20)[:, None]
    divisor = math.gcd(fast, slow)
    half = scipy_signal.resample_poly(sound, slow // divisor, fast // divisor, axis=1)
    whole, less = (np.rint(each).astype(np.int16) for each in (sound, half))
    before, now = modality_of(fast, 20, 32, 16), modality_of(slow, 20, 32, 16)
    assert (
        max(now.drift(whole, less, before), before.drift(less, whole, now)) < 0.1 < now.drift(whole, 2 * less, before)
    )
    # Of one rate, every band counts.
    assert before.drift(scipy_signal.sosfilt(_BELOW, whole).astype(np.int16), whole, before) > 0.1


_BELOW = scipy_signal.butter(8, 0.92, output="sos")


def test_a_model_says_what_recordings_it_takes(description: Description) -> None:
    model = raw_samples.normalizing(linear_models.linear(np.ones((20 * FRAMES, 3)), (1, 20, FRAMES)), description)
    metadata.describe(model, description)
    assert metadata.read(model).description == description
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told["compression.input"].startswith("int16 [N, T], mono PCM")
    assert json.loads(told["compression.modality"])["rate"] == 8000
    assert SIGNAL.described((2000,)) == "recordings of 0.25 s at 8000 Hz"


def test_a_recording_is_shown_by_its_length_and_level() -> None:
    sine = 32768 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)
    words = [SIGNAL.shown(np.rint(size * sine).astype(np.int16)) for size in (0.999, 0.1, 0)]
    assert words == ["0.5 s, 0.0 dB full scale", "0.5 s, -20.0 dB full scale", "0.5 s, silent"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"frame": 0}, "frame 0"),
        ({"high": 4001.0}, "half the rate"),
        ({"low": 4000.0}, "half the rate"),
        ({"mels": 200}, "Ask for fewer mels, or for longer frames"),
    ],
)
def test_bands_that_cannot_be_are_told_with_the_cure(change: dict[str, float], told: str) -> None:
    with pytest.raises(DataError, match=told):
        known.of_fields({**SIGNAL.fields(), **change})


@pytest.mark.parametrize("values", [np.zeros((3, 2000), np.float32), np.zeros((3, 1, 2000), np.int16)])
def test_arrays_that_are_no_recordings_are_told(values: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"train: recordings .* must give recordings int16 \[N, T\]"):
        SIGNAL.require_sound("train", values)


def test_recordings_shorter_than_a_frame_are_told() -> None:
    with pytest.raises(DataError, match="200 samples are shorter than a frame of 256"):
        SIGNAL.require_sound("train", np.ones((3, 200), np.int16))


def test_what_a_folder_of_files_holds_is_read_as_it_is_trained_on(tmp_path: Path, description: Description) -> None:
    from scipy.io import wavfile

    sound = np.arange(-1000, 1000, dtype=np.int16)
    wavfile.write(tmp_path / "b.wav", 8000, sound)
    wavfile.write(tmp_path / "a.wav", 8000, sound[:1000])
    wavfile.write(tmp_path / "c.wav", 8000, np.zeros(2000, np.int16))
    wavfile.write(tmp_path / "d.wav", 8000, np.clip(100 * sound.astype(int), -32768, 32767).astype(np.int16))
    (first, short, fault), (second, whole, _), silent, clipped = SIGNAL.read(tmp_path, description)
    assert fault is None
    assert silent.fault == "is silent, 60 dB below full scale"
    assert clipped.fault == "is clipped, with 67 % of its samples at full scale"
    assert (first, second) == (str(tmp_path / "a.wav"), str(tmp_path / "b.wav"))
    np.testing.assert_array_equal(whole, sound)
    np.testing.assert_array_equal(short, np.pad(sound[:1000], 500))
    (tmp_path / "c.txt").write_text("no sound")
    with pytest.raises(DataError, match=r"c\.txt: no WAV file"):
        SIGNAL.read(tmp_path / "c.txt", description)
