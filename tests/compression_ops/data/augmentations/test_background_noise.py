"""Noise under recordings: as loud as its ratio says, white, and the same in any batch."""

import numpy as np
import torch
from scipy import stats

from compression_ops.data import view
from compression_ops.data.augmentation import Augmentation
from compression_ops.data.augmentations import background_noise
from compression_ops.data.augmentations.background_noise import BackgroundNoise
from compression_ops.data.dataset import Description
from compression_ops.data.modalities.signal import Signal

LENGTH = 8000
DESCRIPTION = Description(("a", "b"), (LENGTH,), (0.0,) * 4, (1.0,) * 4, Signal(8000, 4, 256, 128, 60.0, 4000.0))
SPEC = BackgroundNoise(lowest_snr=5)


def sounds(count: int = 6) -> torch.Tensor:
    draw = np.random.default_rng(0)
    return torch.from_numpy(np.rint(draw.normal(0, 10 ** draw.uniform(1, 3.4, (count, 1)), (count, LENGTH)))).float()


def noise(pcm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = background_noise.draw(SPEC, len(pcm), (LENGTH,), torch.Generator().manual_seed(1))
    return background_noise.transform(SPEC, pcm, drawn, DESCRIPTION) - pcm, drawn[0]


def test_its_power_is_the_recordings_less_the_ratio() -> None:
    added, ratios = noise(sounds())
    found = 10 * torch.log10(sounds().square().mean(dim=1) / added.square().mean(dim=1))
    np.testing.assert_allclose(found, ratios, atol=0.2)
    many, _ = background_noise.draw(SPEC, 5000, (LENGTH,), torch.Generator().manual_seed(1))
    assert stats.kstest((many.numpy() - 5) / 30, "uniform").pvalue > 0.001


def test_it_is_uniform_and_white_and_other_in_each_recording() -> None:
    values = background_noise.white(torch.tensor([0, 1, 2**32 - 1]), 60_000).numpy()
    for one in values:
        assert stats.kstest((one + 1) / 2, "uniform").pvalue > 0.001
        spectrum = np.abs(np.fft.rfft(one)[1:-1]) ** 2
        assert stats.kstest(spectrum / spectrum.mean(), "expon").pvalue > 0.001
    assert np.abs(np.corrcoef(values) - np.eye(3)).max() < 0.02


def test_silence_stays_silent_and_nothing_leaves_16_bits() -> None:
    assert not noise(torch.zeros(2, LENGTH))[0].any()
    loud = torch.full((2, LENGTH), 32767.0)
    added, _ = noise(loud)
    assert float((loud + added).max()) == 32767


def test_a_view_has_the_same_bits_in_any_batch_and_order() -> None:
    augmentation = Augmentation.model_validate({"background_noise": {"lowest_snr": 0}, "time_shift": {"samples": 500}})
    pcm = sounds(32).to(torch.int16)
    whole = view.draw(augmentation, pcm, DESCRIPTION, 3, 1).samples(torch.arange(32))
    again = view.draw(augmentation, pcm, DESCRIPTION, 3, 1)
    for row in (31, 4):
        torch.testing.assert_close(again.samples(torch.tensor([row])), whole[row : row + 1], rtol=0, atol=0)
    assert not torch.equal(whole, view.draw(augmentation, pcm, DESCRIPTION, 3, 2).samples(torch.arange(32)))


def test_recordings_have_no_colour_and_images_no_noise() -> None:
    of_images, of_signals = Augmentation.model_validate({"cutout": {"size": 2}}), Augmentation(translate=1.0)
    for augmentation, field in ((of_images, "cutout"), (of_signals, "translate")):
        (misfit,) = augmentation.misfits(DESCRIPTION)
        assert (misfit.field, misfit.allowed) == (field, "for recordings: background_noise, time_shift")
    images = Description(("a", "b"), (1, 8, 8), (0.5,), (0.5,))
    (misfit,) = Augmentation.model_validate({"time_shift": {"samples": 3}}).misfits(images)
    assert misfit.field == "time_shift"
    assert "background_noise" not in misfit.allowed
