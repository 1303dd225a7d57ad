"""Colour jitter: each change is torchvision's, factors are drawn as its ColorJitter draws them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import ColorJitter as Reference
from torchvision.transforms import functional

from compression_ops.data.augmentations import color_jitter
from compression_ops.data.augmentations.color_jitter import ColorJitter
from compression_ops.data.dataset import Description

EVERYTHING = ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.5)


def pictures(channels: int = 3) -> Tensor:
    """Random pixels, pictures of one colour, black and white ones, and such as have little colour: uint8."""
    random = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (60, channels, 7, 5), generator=random)
    images[:10] = images[:10, :, :1, :1]
    images[10], images[11] = 0, 255
    images[12:20] = images[12:20, :1] + torch.randint(0, 3, (8, channels, 7, 5), generator=random)
    images[20:30] = images[20:30, :1]
    return images.clamp(0, 255).to(torch.uint8)


def draw(spec: ColorJitter, samples: int) -> Tensor:
    return color_jitter.draw(spec, samples, (3, 7, 5), torch.Generator().manual_seed(3))[0]


@pytest.mark.parametrize(
    ("change", "reference", "amounts"),
    [
        (color_jitter.adjust_brightness, functional.adjust_brightness, (0.0, 3.0)),
        (color_jitter.adjust_contrast, functional.adjust_contrast, (0.0, 3.0)),
        (color_jitter.adjust_saturation, functional.adjust_saturation, (0.0, 3.0)),
        (color_jitter.adjust_hue, functional.adjust_hue, (-0.5, 0.5)),
    ],
)
def test_a_change_is_torchvisions_of_the_image_in_0_to_1(
    change: Callable[[Tensor, Tensor], Tensor],
    reference: Callable[[Tensor, float], Tensor],
    amounts: tuple[float, float],
) -> None:
    pixels = pictures().float()
    drawn = torch.linspace(*amounts, 60)
    found = change(pixels.clone(), drawn)
    expected = torch.stack(
        [reference(image / 255, amount) for image, amount in zip(pixels, drawn.tolist(), strict=True)]
    )
    torch.testing.assert_close(found / 255, expected, rtol=0, atol=5e-6)


def test_all_four_are_torchvisions_one_after_the_other() -> None:
    pixels, drawn = pictures().float(), draw(EVERYTHING, 60)
    description = Description(("a", "b"), (3, 7, 5), (0.5,) * 3, (0.2,) * 3)
    found = color_jitter.transform(EVERYTHING, pixels.clone(), (drawn,), description)
    for image, (brightness, contrast, saturation, hue), jittered in zip(pixels, drawn.tolist(), found, strict=True):
        expected = functional.adjust_contrast(functional.adjust_brightness(image / 255, brightness), contrast)
        expected = functional.adjust_hue(functional.adjust_saturation(expected, saturation), hue)
        torch.testing.assert_close(jittered / 255, expected, rtol=0, atol=2e-5)


def test_grey_images_have_brightness_and_contrast() -> None:
    pixels, factors = pictures(1).float(), torch.linspace(0, 2, 60)
    found = color_jitter.adjust_contrast(pixels.clone(), factors)
    for image, factor, changed in zip(pixels, factors.tolist(), found, strict=True):
        torch.testing.assert_close(changed / 255, functional.adjust_contrast(image / 255, factor), rtol=0, atol=5e-6)


@pytest.mark.parametrize("bound", [0.3, 1.7])
def test_factors_are_drawn_from_torchvisions_bounds(bound: float) -> None:
    drawn = draw(ColorJitter(brightness=bound, contrast=bound, saturation=bound, hue=0.2), 20_000)
    reference = Reference(brightness=bound, contrast=bound, saturation=bound, hue=0.2)
    expected = (reference.brightness, reference.contrast, reference.saturation, reference.hue)
    for column, (lowest, highest) in zip(drawn.unbind(1), expected, strict=True):
        assert column.min() >= lowest - 1e-6
        assert column.max() <= highest + 1e-6
        assert column.mean().item() == pytest.approx((lowest + highest) / 2, abs=0.02)
        assert column.std().item() == pytest.approx((highest - lowest) / 12**0.5, rel=0.02)


def test_changing_one_bound_keeps_the_draws_of_the_others() -> None:
    few, more = draw(ColorJitter(contrast=0.3), 50), draw(ColorJitter(contrast=0.3, hue=0.1), 50)
    assert torch.equal(few[:, :3], more[:, :3])
    assert not torch.equal(few[:, 3], more[:, 3])


@pytest.mark.parametrize(
    ("channels", "fields"),
    [
        (3, []),
        (1, ["saturation", "hue"]),
        (2, ["contrast", "saturation", "hue"]),
        (4, ["contrast", "saturation", "hue"]),
    ],
)
def test_what_means_nothing_without_colours_does_not_fit(channels: int, fields: list[str]) -> None:
    assert [misfit.field for misfit in color_jitter.misfits(EVERYTHING, (channels, 8, 8))] == fields
    assert color_jitter.misfits(ColorJitter(brightness=0.5), (channels, 8, 8)) == ()
