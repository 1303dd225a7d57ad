"""What is odd about a picture that a user gives a model is told, as it would be of a data set's."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compression_ops.data.formats import unlabelled_image


@pytest.mark.parametrize(
    ("most", "fault"),
    [
        (
            4095,
            "has 16 bits and uses 12 of them, so of 8 bits it is nearly black; multiply its values by 16, or save it",
        ),
        (65535, None),
    ],
)
def test_a_picture_of_16_bits_that_uses_few_of_them_is_told(most: int, fault: str | None, tmp_path: Path) -> None:
    pixels = np.linspace(0, most, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    (read,) = unlabelled_image.read(tmp_path / "grey.png", 8, 1)
    assert (read.fault or "").startswith(fault or "")
    assert (read.fault is None) == (fault is None)


def test_what_is_wrong_is_told_together(tmp_path: Path) -> None:
    first = Image.new("L", (8, 8), 9)
    first.save(tmp_path / "film.gif", save_all=True, append_images=[Image.new("L", (8, 8), 200)])
    (read,) = unlabelled_image.read(tmp_path / "film.gif", 8, 1)
    assert read.fault == "holds several frames or pages, of which the first was taken"
