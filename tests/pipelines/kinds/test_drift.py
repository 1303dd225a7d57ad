"""The gate on drift: a changed data set against the last one that differed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compression_ops.data.dataset import load_split
from pipelines.state.materialization import Check
from tests.pipelines import product, recipes


@pytest.mark.parametrize("source", ["npz", "image_folder"])
def test_drift_of_changed_data_is_measured_against_the_last_data_set(
    source: str, home: Path, defs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "data" / ("images.npz" if source == "npz" else "images")
    more = ", image_size: 8, channels: 1" if source == "image_folder" else ""
    stated = f"source: {source}, path: {path}, validation_fraction: 0.1, seed: 0{more}"
    text = recipes.edited(("source: digits, validation_fraction: 0.1, seed: 0, limit: 200", stated))
    _write(path, (40, 40))
    recipes.write(defs, text=text)
    assert "no earlier" in _drift().words
    first = _shares()
    _write(path, (40, 20))
    drift, second = _drift(), _shares()
    assert drift.numbers["classes"] == pytest.approx(_stability_index(first, second)) != 0
    recipes.write(defs, text=text + "  gates: {max_drift: 99}\n")
    assert _drift().numbers == {**drift.numbers, "threshold": 99}, "judged anew, against the same data set"
    _write(path, (20, 40))
    drift = _drift()
    assert drift.numbers["classes"] == pytest.approx(_stability_index(second, _shares())), "not against the first"
    assert drift.numbers["found"] == max(drift.numbers["classes"], drift.numbers["samples"])


def _stability_index(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> float:
    return float(((after - before) * np.log(after / before)).sum())


def test_drift_is_not_told_from_a_data_set_that_was_damaged_since(home: Path, defs: Path) -> None:
    product.run(patterns=["dataset"])
    pipeline, entry = product.pipeline(), product.entry("dataset")
    file = next(pipeline.store.fetch(entry.artifact).glob("train*"))
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1])
    recipes.write(defs, text=recipes.edited(("limit: 200", "limit: 150")))
    assert "no earlier data set" in _drift().words


def _drift() -> Check:
    product.run(patterns=["dataset"])
    return next(check for check in product.entry("dataset").checks if check.name == "drift")


def _shares() -> np.ndarray[Any, Any]:
    """The shares of the classes in the training split."""
    pipeline = product.pipeline()
    labels = load_split(pipeline.store.fetch(product.entry("dataset").artifact), "train").labels.numpy()
    return np.bincount(labels) / len(labels)


def _write(path: Path, counts: tuple[int, ...]) -> None:
    """So many images of each class; every one another."""
    draw = np.random.default_rng(sum(counts) + counts[0])
    labels = np.repeat(np.arange(len(counts)), counts)
    images = draw.integers(0, 256, (len(labels), 8, 8), dtype=np.uint8)
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".npz":
        np.savez(path, images=images, labels=labels)
        return
    for old in path.glob("*/*.png"):
        old.unlink()
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (path / f"class{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path / f"class{label}" / f"{number}.png")
