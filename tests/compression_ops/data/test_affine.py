"""The affine map against NumPy's and SciPy's, and what is drawn for it."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import ndimage

from compression_ops.data import affine as affine_map
from compression_ops.data.affine import Affine, affine
from compression_ops.data.dataset import Description

DESCRIPTION = Description(("a", "b"), (3, 9, 12), (0.5,) * 3, (0.2,) * 3)


def draw(bounds: Affine, samples: int) -> torch.Tensor:
    return affine_map.draw(bounds, samples, (3, 9, 12), torch.Generator().manual_seed(3))[0]


def augment(images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    return affine_map.transform(Affine(), images.float(), (maps,), DESCRIPTION)


def pictures(samples: int, shape: tuple[int, int, int] = (3, 9, 12)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (samples, *shape), generator=generator, dtype=torch.uint8)


def one(
    angle: float = 0.0,
    scale: float = 1.0,
    shear: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    mirror: bool = False,
) -> torch.Tensor:
    scalars = (torch.tensor([value]) for value in (angle, scale, shear))
    return affine(*scalars, torch.tensor([shift]), torch.tensor([mirror]))


def test_the_identity_leaves_the_pixels() -> None:
    images = pictures(1)
    torch.testing.assert_close(augment(images, one()), images.float(), rtol=0, atol=1e-3)


@pytest.mark.parametrize(("right", "down"), [(2, 0), (0, -3), (-1, 2)])
def test_a_shift_by_whole_pixels_moves_them_and_fills_with_black(right: int, down: int) -> None:
    images = pictures(1)
    expected = np.zeros_like(images.numpy(), dtype=np.float32)
    height, width = images.shape[2:]
    expected[:, :, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = images.numpy()[
        :, :, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    shifted = augment(images, one(shift=(float(right), float(down))))
    np.testing.assert_allclose(shifted.numpy(), expected, atol=1e-3)


def test_a_quarter_turn_is_numpys_rot90() -> None:
    images = pictures(1, (2, 8, 8))
    # Rows grow downwards, so an angle from x towards y turns clockwise on the screen.
    expected = np.rot90(images.numpy().astype(np.float32), k=-1, axes=(2, 3))
    np.testing.assert_allclose(augment(images, one(angle=math.pi / 2)).numpy(), expected, atol=1e-3)


def test_a_mirrored_image_is_its_flip() -> None:
    images = pictures(1)
    torch.testing.assert_close(augment(images, one(mirror=True)), images.float().flip(3), rtol=0, atol=1e-3)


@pytest.mark.parametrize("mirror", [False, True])
def test_the_whole_transformation_agrees_with_scipy(mirror: bool) -> None:
    images, angle, scale, shear, shift = pictures(1), 0.4, 1.15, 0.2, (1.3, -0.7)
    flip = np.diag([-1.0 if mirror else 1.0, 1.0])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    forward = turn @ (scale * np.eye(2)) @ np.array([[1.0, shear], [0.0, 1.0]]) @ flip
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])  # scipy counts (row, column), we (x, y)
    backward = swap @ np.linalg.inv(forward) @ swap
    centre = (np.array(images.shape[2:]) - 1) / 2
    offset = centre - backward @ (centre + np.array(shift[::-1]))
    expected = [
        ndimage.affine_transform(channel.astype(np.float64), backward, offset, order=1, mode="grid-constant")
        for channel in images[0].numpy()
    ]
    found = augment(images, one(angle, scale, shear, shift, mirror))[0]
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=2e-3)


def test_draws_fill_their_bounds_and_stay_within() -> None:
    shifts = draw(Affine(translate=3.0), 20_000)
    assert shifts[:, :, 2].abs().max() <= 3.0
    assert shifts[:, :, 2].std().item() == pytest.approx(3.0 / math.sqrt(3), rel=0.02)
    mirrored = draw(Affine(flip=True), 20_000)
    assert (mirrored[:, 0, 0] == -1).double().mean().item() == pytest.approx(0.5, abs=0.02)
    turned = draw(Affine(rotate=20.0), 20_000)
    angles = torch.rad2deg(torch.atan2(-turned[:, 1, 0], turned[:, 0, 0]))
    assert angles.abs().max().item() == pytest.approx(20, rel=0.01)


def test_changing_one_bound_keeps_the_draws_of_the_others() -> None:
    few, more = draw(Affine(translate=2.0), 50), draw(Affine(translate=2.0, flip=True), 50)
    assert torch.equal(few[:, 1, 2], more[:, 1, 2])


@pytest.mark.parametrize(
    "bad", [{"translate": -1.0}, {"rotate": 181.0}, {"scale": 1.0}, {"shear": 46.0}, {"flip": 1}, {"rotat": 3.0}]
)
def test_bounds_out_of_range_and_unknown_ones_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Affine.model_validate(bad)
