import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import ndimage

from compression_ops.data.augmentation import Augmentation, affine, augment, draw
from compression_ops.data.views import Views

EVERYTHING = Augmentation(translate=2.5, rotate=30.0, scale=0.2, shear=15.0, flip=True)


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


def test_a_view_can_be_drawn_again_exactly() -> None:
    first, again = draw(EVERYTHING, 500, seed=3, view=7), draw(EVERYTHING, 500, seed=3, view=7)
    assert first is not None
    assert again is not None
    assert torch.equal(first, again)


@pytest.mark.parametrize(("seed", "view"), [(4, 7), (3, 8)])
def test_another_seed_or_view_is_another_draw(seed: int, view: int) -> None:
    first, other = draw(EVERYTHING, 500, seed=3, view=7), draw(EVERYTHING, 500, seed=seed, view=view)
    assert first is not None
    assert other is not None
    assert not torch.isclose(first, other).all(dim=(1, 2)).any()


def test_drawing_neither_reads_nor_moves_the_global_generator() -> None:
    before = torch.get_rng_state()
    draw(EVERYTHING, 10, seed=0, view=0)
    assert torch.equal(before, torch.get_rng_state())


def test_a_samples_pixels_do_not_depend_on_its_batch() -> None:
    images, transformations = pictures(97), draw(EVERYTHING, 97, seed=0, view=0)
    assert transformations is not None
    together = augment(images, transformations)
    rows = torch.randperm(97, generator=torch.Generator().manual_seed(2))
    for batch in rows.split(13):
        assert torch.equal(augment(images[batch], transformations[batch]), together[batch])
    assert torch.equal(augment(images[5:6], transformations[5:6]), together[5:6])


def test_without_bounds_a_view_is_the_data_itself() -> None:
    images = pictures(4)
    assert draw(Augmentation(), 4, seed=0, view=0) is None
    assert torch.equal(augment(images, None), images.float())
    assert Views(views=3).transformations(4, 1) is None


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
    shifts = draw(Augmentation(translate=3.0), 20_000, seed=0, view=0)
    assert shifts is not None
    assert shifts[:, :, 2].abs().max() <= 3.0
    assert shifts[:, :, 2].std().item() == pytest.approx(3.0 / math.sqrt(3), rel=0.02)
    mirrored = draw(Augmentation(flip=True), 20_000, seed=0, view=0)
    assert mirrored is not None
    assert (mirrored[:, 0, 0] == -1).double().mean().item() == pytest.approx(0.5, abs=0.02)
    turned = draw(Augmentation(rotate=20.0), 20_000, seed=0, view=0)
    assert turned is not None
    assert torch.rad2deg(torch.atan2(-turned[:, 1, 0], turned[:, 0, 0])).abs().max().item() == pytest.approx(
        20, rel=0.01
    )


def test_changing_one_bound_keeps_the_draws_of_the_others() -> None:
    few = draw(Augmentation(translate=2.0), 50, seed=0, view=0)
    more = draw(Augmentation(translate=2.0, flip=True), 50, seed=0, view=0)
    assert few is not None
    assert more is not None
    assert torch.equal(few[:, 1, 2], more[:, 1, 2])


@pytest.mark.parametrize(
    "bad", [{"translate": -1.0}, {"rotate": 181.0}, {"scale": 1.0}, {"shear": 46.0}, {"flip": 1}, {"rotat": 3.0}]
)
def test_bounds_out_of_range_and_unknown_ones_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Augmentation.model_validate(bad)
