"""Makes a folder of colour photographs of unequal sizes, a folder a class, from the two that scikit-learn brings along.

`python docs/photographs.py FOLDER [--more]`; `--more` adds others, as a camera would.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

CLASSES = {"temple": "china.jpg", "flower": "flower.jpg"}
_FIRST, _MORE = 120, 40  # photographs a class
_SIDES = (48, 160)  # pixels


def write(folder: Path, first: int, count: int) -> None:
    """Crops of random place and size, half of them mirrored; a number is always the same one."""
    for label, name in CLASSES.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        whole = load_sample_image(name)
        for number in range(first, first + count):
            generator = np.random.default_rng([number, len(label) + ord(label[0])])
            height, width = generator.integers(*_SIDES, 2)
            top = generator.integers(whole.shape[0] - height)
            left = generator.integers(whole.shape[1] - width)
            crop = whole[top : top + height, left : left + width]
            crop = crop[:, ::-1] if generator.random() < 0.5 else crop
            Image.fromarray(np.ascontiguousarray(crop)).save(folder / label / f"{number:04}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--more", action="store_true")
    arguments = parser.parse_args()
    write(arguments.folder, _FIRST if arguments.more else 0, _MORE if arguments.more else _FIRST)
