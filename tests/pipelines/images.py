"""A small folder of images, one brightness a class, and a recipe of it."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.pipelines import recipes

_SOURCE = "source: image_folder, path: {}, image_size: 12, channels: 1, validation_fraction: 0.2, seed: 0"


def image_folder(folder: Path) -> Path:
    """Three classes of 20 images."""
    for label, level in enumerate((40, 120, 200)):
        (folder / f"class{label}").mkdir(parents=True)
        for number in range(20):
            image(folder / f"class{label}" / f"{number}.png", level, number + 100 * label)
    return folder


def image(path: Path, level: int, seed: int = 7) -> None:
    """Write one grey image of 12×12 noisy pixels about a level."""
    pixels = np.clip(np.random.default_rng(seed).normal(level, 20, (12, 12)), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def of_images(images: Path, *edits: tuple[str, str]) -> str:
    """The recipe `tiny` on a folder of images, edited further."""
    return recipes.edited(
        ("source: digits, validation_fraction: 0.1, seed: 0, limit: 200", _SOURCE.format(images)),
        ("batch_size: 64\n    learning", "batch_size: 8\n    learning"),
        ("samples: 64", "samples: 16"),
        *edits,
    )
