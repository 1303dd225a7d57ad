"""Random crops with padding are torchvision's, and lie anywhere in the padded image."""

import pytest
import torch
from scipy import stats
from torchvision.transforms.v2 import functional

from compression_ops.data.augmentations import random_crop
from compression_ops.data.augmentations.random_crop import RandomCrop
from compression_ops.data.dataset import Description

DESCRIPTION = Description(("a", "b"), (3, 9, 12), (0.5,) * 3, (0.2,) * 3)


def draw(spec: RandomCrop, samples: int) -> torch.Tensor:
    return random_crop.draw(spec, samples, (3, 9, 12), torch.Generator().manual_seed(3))[0]


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
@pytest.mark.parametrize("padding", [1, 4, 8])
def test_a_crop_is_torchvisions_of_the_padded_image(mode: str, padding: int) -> None:
    spec = RandomCrop.model_validate({"padding": padding, "padding_mode": mode})
    pixels = torch.randint(0, 256, (30, 3, 9, 12), generator=torch.Generator().manual_seed(1)).float()
    corners = draw(spec, 30)
    found = random_crop.transform(spec, pixels, (corners,), DESCRIPTION)
    for image, (top, left), crop in zip(pixels, corners.tolist(), found, strict=True):
        padded = functional.pad(image, [padding], padding_mode=mode)
        assert torch.equal(crop, functional.crop(padded, top, left, 9, 12))


def test_all_places_are_drawn_and_equally_often() -> None:
    corners = draw(RandomCrop(padding=2), 25_000)
    counts = torch.bincount(corners[:, 0] * 5 + corners[:, 1])
    assert len(counts) == 25
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_a_padding_as_wide_as_the_image_does_not_fit() -> None:
    assert random_crop.misfits(RandomCrop(padding=8), (1, 9, 12)) == ()
    (misfit,) = random_crop.misfits(RandomCrop(padding=9), (1, 12, 9))
    assert (misfit.field, misfit.allowed) == ("padding", "less than 9, the images' shorter side")
