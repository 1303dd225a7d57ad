"""Cutout against its authors' code, which masks a normalized image with 0."""

import numpy as np
import pytest
import torch
from scipy import stats

from compression_ops.data.augmentations import cutout
from compression_ops.data.augmentations.cutout import Cutout
from compression_ops.data.dataset import Description, normalize

DESCRIPTION = Description(("a", "b"), (3, 9, 12), (0.5, 0.3, 0.4), (0.2, 0.1, 0.3))


def draw(spec: Cutout, samples: int) -> torch.Tensor:
    return cutout.draw(spec, samples, (3, 9, 12), torch.Generator().manual_seed(3))[0]


def reference(image: np.ndarray, centres: list[list[int]], length: int) -> np.ndarray:
    """As DeVries & Taylor's repository does it, for squares of even size."""
    height, width = image.shape[1:]
    mask = np.ones((height, width), np.float32)
    for y, x in centres:
        y1, y2 = (int(np.clip(y + step, 0, height)) for step in (-(length // 2), length // 2))
        x1, x2 = (int(np.clip(x + step, 0, width)) for step in (-(length // 2), length // 2))
        mask[y1:y2, x1:x2] = 0.0
    return image * mask


@pytest.mark.parametrize("size", [2, 4, 8])
@pytest.mark.parametrize("holes", [1, 3])
def test_it_is_the_authors_cutout_of_the_normalized_image(size: int, holes: int) -> None:
    spec = Cutout(size=size, holes=holes)
    pixels = torch.randint(0, 256, (40, 3, 9, 12), generator=torch.Generator().manual_seed(1)).float()
    centres = draw(spec, 40)
    found = normalize(cutout.transform(spec, pixels, (centres,), DESCRIPTION), DESCRIPTION)
    inputs = normalize(pixels, DESCRIPTION)
    expected = [reference(image.numpy(), where, size) for image, where in zip(inputs, centres.tolist(), strict=True)]
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=1e-6)


def test_a_square_of_odd_size_is_as_large_as_stated() -> None:
    masked = cutout.transform(Cutout(size=3), torch.full((1, 3, 9, 12), 7.0), (torch.tensor([[[4, 5]]]),), DESCRIPTION)
    assert (masked[0, 0] != 7).nonzero().tolist() == [[row, column] for row in (3, 4, 5) for column in (4, 5, 6)]


def test_every_pixel_is_a_centre_equally_often() -> None:
    centres = draw(Cutout(size=2), 54_000).flatten(0, 1)
    counts = torch.bincount(centres[:, 0] * 12 + centres[:, 1])
    assert len(counts) == 9 * 12
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_a_square_larger_than_the_image_does_not_fit() -> None:
    assert cutout.misfits(Cutout(size=9), (3, 9, 12)) == ()
    (misfit,) = cutout.misfits(Cutout(size=10), (3, 9, 12))
    assert (misfit.field, misfit.allowed) == ("size", "at most 9, the images' shorter side")
