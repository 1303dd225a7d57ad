"""Drift between two data sets, against SciPy's divergences and by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from compression_ops.data import drift
from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.data.modalities import images, stability
from compression_ops.errors import DataError


def artifact(folder: Path, images: np.ndarray, labels: list[int], classes: tuple[str, ...]) -> Path:
    """images: uint8 [N, C, H, W]; only the training split, since nothing else may be read."""
    folder.mkdir()
    save_split(folder, "train", Split(torch.from_numpy(images), torch.tensor(labels, dtype=torch.int64)))
    _, channels, height, width = images.shape
    save_description(folder, Description(classes, (channels, height, width), (0.5,) * channels, (0.5,) * channels))
    return folder


def noise(samples: int, shape: tuple[int, int, int] = (1, 8, 8), seed: int = 0, shift: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(100 + shift, 30, (samples, *shape))
    return np.clip(values, 0, 255).astype(np.uint8)


def test_identical_data_have_not_drifted_at_all(tmp_path: Path) -> None:
    folders = [artifact(tmp_path / name, noise(10), [0] * 3 + [1] * 7, ("a", "b")) for name in ("old", "new")]
    found = drift.measure(*folders)
    assert found == drift.Drift(0.0, 0.0, (), ())
    assert found.largest == 0.0


def test_the_index_of_the_classes_follows_its_formula_by_name(tmp_path: Path) -> None:
    old = artifact(tmp_path / "old", noise(10), [0] * 4 + [1] * 6, ("a", "b"))
    new = artifact(tmp_path / "new", noise(10), [0] * 2 + [1] * 8, ("b", "a"))
    p, q = np.array([0.4, 0.6]), np.array([0.8, 0.2])
    found = drift.measure(old, new)
    assert found.classes == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p))
    assert found.largest == found.classes > found.samples == 0


def test_a_class_that_only_one_has_is_named_and_counts_as_one_in_ten_thousand_in_the_other(tmp_path: Path) -> None:
    old = artifact(tmp_path / "old", noise(10), [0] * 5 + [1] * 5, ("a", "gone"))
    new = artifact(tmp_path / "new", noise(10), [1] * 8 + [0] * 2, ("new", "a"))
    found = drift.measure(old, new)
    assert (found.added_classes, found.removed_classes) == (("new",), ("gone",))
    terms = [(0.8 - 0.5) * np.log(0.8 / 0.5), (1e-4 - 0.5) * np.log(1e-4 / 0.5), (0.2 - 1e-4) * np.log(0.2 / 1e-4)]
    assert found.classes == pytest.approx(sum(terms))
    assert found.classes > drift.LARGE


@settings(deadline=None)
@given(counts=st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 1000)), min_size=1, max_size=20))
def test_the_index_is_jeffreys_divergence(counts: list[tuple[int, int]]) -> None:
    previous, current = np.array(counts, np.int64).T
    # Shares that the floor does not touch: the smallest is 1 of at most 20,000.
    floor = min((previous / previous.sum()).min(), (current / current.sum()).min())
    expected = stats.entropy(previous, current) + stats.entropy(current, previous)
    if floor >= 1e-4:
        assert stability.index(previous, current) == pytest.approx(expected, abs=1e-12)
    assert stability.index(previous, current) == pytest.approx(stability.index(current, previous))


def test_the_index_of_the_pixels_is_that_of_numpys_decile_histogram(tmp_path: Path) -> None:
    before, after = noise(400), noise(300, seed=1, shift=12)
    old = artifact(tmp_path / "old", before, [0] * 400, ("a",))
    new = artifact(tmp_path / "new", after, [0] * 300, ("a",))
    deciles = np.quantile(before, np.arange(1, 10) / 10, method="inverted_cdf")
    edges = [-0.5, *(deciles + 0.5), 255.5]
    p, q = (np.histogram(images, edges)[0] / images.size for images in (before, after))
    found = drift.measure(old, new).samples
    assert found == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p))
    assert found > drift.MODERATE
    assert len(p) == stability.BINS


def test_another_draw_of_the_same_distribution_is_stable(tmp_path: Path) -> None:
    old = artifact(tmp_path / "old", noise(400), [0] * 400, ("a",))
    new = artifact(tmp_path / "new", noise(400, seed=1), [0] * 400, ("a",))
    assert 0 < drift.measure(old, new).samples < 0.001


def test_images_of_another_shape_are_compared_by_their_pixels(tmp_path: Path) -> None:
    grey = artifact(tmp_path / "grey", noise(400), [0] * 400, ("a",))
    coloured = artifact(tmp_path / "coloured", noise(100, (3, 12, 12), seed=1), [0] * 100, ("a",))
    assert drift.measure(grey, coloured).samples < 0.001


def test_mostly_black_images_have_fewer_bins_and_inverted_ones_have_drifted(tmp_path: Path) -> None:
    images = np.where(np.random.default_rng(0).random((50, 1, 8, 8)) < 0.8, 0, 255).astype(np.uint8)
    levels = np.bincount(images.reshape(-1), minlength=256)
    np.testing.assert_array_equal(stability.decile_edges(levels), [0, 1])
    old = artifact(tmp_path / "old", images, [0] * 50, ("a",))
    new = artifact(tmp_path / "new", 255 - images, [0] * 50, ("a",))
    black = levels[0] / images.size
    assert drift.measure(old, new).samples == pytest.approx(2 * (2 * black - 1) * np.log(black / (1 - black)))


def test_values_above_all_that_were_seen_are_a_bin_of_their_own(tmp_path: Path) -> None:
    flat = np.full((4, 1, 8, 8), 7, np.uint8)
    old = artifact(tmp_path / "old", flat, [0] * 4, ("a",))
    new = artifact(tmp_path / "new", flat + 1, [0] * 4, ("a",))
    assert drift.measure(old, new).samples > drift.LARGE


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 1000), kinds=st.integers(1, 256))
def test_deciles_are_numpys(seed: int, kinds: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.choice(256, kinds, replace=False)[generator.integers(0, kinds, 499)]
    deciles = np.unique(np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf")).astype(int)
    edges = stability.decile_edges(np.bincount(values, minlength=256))
    np.testing.assert_array_equal(edges, [0, *(value + 1 for value in deciles if value < 255)])


def test_counting_in_blocks_counts_every_pixel_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = artifact(tmp_path / "old", noise(30), [0] * 30, ("a",))
    new = artifact(tmp_path / "new", noise(30, shift=9), [0] * 30, ("a",))
    whole = drift.measure(old, new)
    monkeypatch.setattr(images, "_COUNTED", 77)
    assert drift.measure(old, new) == whole


def test_an_empty_training_split_is_named(tmp_path: Path) -> None:
    old = artifact(tmp_path / "old", noise(3), [0] * 3, ("a",))
    new = artifact(tmp_path / "new", noise(0), [], ("a",))
    with pytest.raises(DataError, match="new: its training split has no sample"):
        drift.measure(old, new)
