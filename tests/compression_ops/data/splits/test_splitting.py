"""Which sample goes to which split."""

import hashlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from compression_ops.data.modalities.images import Images
from compression_ops.data.splits.splitting import allocate, hold_out_test, split_validation
from compression_ops.errors import DataError

_COUNTS = st.lists(st.integers(2, 200), min_size=2, max_size=8)


def _data(counts: list[int], repeats: int = 1) -> tuple[list[bytes], np.ndarray[Any, Any]]:
    """Digests and labels of as many samples a class; each image stands `repeats` times in a row."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return [hashlib.sha256(f"{label}.{i // repeats}".encode()).digest() for i, label in enumerate(labels)], labels


def _names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def test_a_digest_is_the_sha256_of_the_images_bytes_in_row_order() -> None:
    images = np.arange(48, dtype=np.uint8).reshape(2, 3, 2, 4)
    assert Images().digests(images) == [
        hashlib.sha256(bytes(range(24))).digest(),
        hashlib.sha256(bytes(range(24, 48))).digest(),
    ]


# --- sharing in proportion


@given(counts=st.lists(st.integers(1, 500), min_size=1, max_size=10), data=st.data())
@settings(deadline=None)
def test_without_bounds_shares_are_those_of_the_largest_remainder(counts: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(counts)))
    exact = [Fraction(total * count, sum(counts)) for count in counts]
    shares = [int(share) for share in exact]
    order = sorted(range(len(counts)), key=lambda group: shares[group] - exact[group])
    for group in order[: total - sum(shares)]:
        shares[group] += 1
    assert allocate(counts, total, least=0, spare=0) == shares


@given(counts=_COUNTS, data=st.data())
@settings(deadline=None)
def test_shares_keep_their_bounds_and_sum_to_the_nearest_possible_total(counts: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, 2 * sum(counts)))
    shares = allocate(counts, total, least=1, spare=1)
    assert sum(shares) == min(max(total, len(counts)), sum(counts) - len(counts))
    assert all(1 <= share <= count - 1 for share, count in zip(shares, counts, strict=True))


# --- validation


@given(counts=_COUNTS, fraction=st.floats(0.01, 0.99), seed=st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None)
def test_train_and_validation_are_a_partition_with_every_class_on_both_sides(
    counts: list[int], fraction: float, seed: int
) -> None:
    digests, labels = _data(counts)
    part = split_validation(digests, labels, _names(len(counts)), fraction, seed)
    assert sorted([*part.train, *part.held_out]) == list(range(len(labels)))
    assert set(labels[part.train]) == set(labels[part.held_out]) == set(range(len(counts)))
    assert list(part.train) == sorted(part.train)
    wanted = np.clip(np.array(counts) * fraction, 1, np.array(counts) - 1)
    if all(count * fraction >= 1 and count * (1 - fraction) >= 1 for count in counts):
        assert np.abs(np.bincount(labels[part.held_out]) - wanted).max() <= 1 + 0.5


@given(counts=_COUNTS, seed=st.integers(0, 1000), data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_limit_keeps_exactly_that_many_in_proportion(counts: list[int], seed: int, data: st.DataObject) -> None:
    limit = data.draw(st.integers(2 * len(counts), sum(counts) + 10))
    digests, labels = _data(counts)
    part = split_validation(digests, labels, _names(len(counts)), 0.25, seed, limit)
    kept = [*part.train, *part.held_out]
    assert len(set(kept)) == len(kept) == min(limit, sum(counts))
    assert set(labels[part.train]) == set(labels[part.held_out]) == set(range(len(counts)))
    assert list(np.bincount(labels[kept])) == allocate(counts, len(kept), least=2, spare=0)


@given(seed=st.integers(0, 1000), order=st.permutations(range(40)), limit=st.none() | st.integers(8, 40))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_samples_does_not_matter(seed: int, order: list[int], limit: int | None) -> None:
    digests, labels = _data([10, 20, 3, 7])
    part = split_validation(digests, labels, _names(4), 0.3, seed, limit)
    moved = split_validation([digests[i] for i in order], labels[order], _names(4), 0.3, seed, limit)
    assert {order[i] for i in moved.train} == set(part.train)
    assert {order[i] for i in moved.held_out} == set(part.held_out)


def test_another_seed_gives_another_split_and_the_same_seed_the_same() -> None:
    digests, labels = _data([50, 50])
    first, again, other = (split_validation(digests, labels, _names(2), 0.2, seed) for seed in (1, 1, 2))
    assert list(first.held_out) == list(again.held_out)
    assert list(first.held_out) != list(other.held_out)


def test_seeds_choose_independently() -> None:
    digests, labels = _data([500, 500])
    chosen = [set(split_validation(digests, labels, _names(2), 0.2, seed).held_out) for seed in range(10)]
    overlaps = [len(a & b) for i, a in enumerate(chosen) for b in chosen[:i]]
    # Two independent draws of 200 out of 1,000 share 40 on average (hypergeometric).
    low, high = stats.hypergeom(1000, 200, 200).interval(1 - 1e-6)
    assert low <= min(overlaps) <= max(overlaps) <= high


def test_a_file_added_later_moves_at_most_one_sample_of_its_class() -> None:
    digests, labels = _data([100, 60])
    before = split_validation(digests, labels, _names(2), 0.2, seed=3)
    after = split_validation([*digests, hashlib.sha256(b"new").digest()], np.append(labels, 0), _names(2), 0.2, seed=3)
    assert len(set(before.held_out) ^ (set(after.held_out) - {160})) <= 1


def test_class_counts_are_those_of_scikit_learns_stratified_split() -> None:
    images, labels = load_digits(return_X_y=True)
    digests = Images().digests(images.astype(np.uint8))
    part = split_validation(digests, labels, _names(10), 0.1, seed=0)
    _, theirs = train_test_split(labels, test_size=len(part.held_out), stratify=labels, random_state=0)
    assert np.abs(np.bincount(labels[part.held_out]) - np.bincount(theirs)).max() <= 1


def test_a_class_with_one_sample_is_refused_by_its_name() -> None:
    digests, labels = _data([5, 1])
    with pytest.raises(DataError, match=r"class 'class 1' has 1 sample.*at least 2.*Add samples"):
        split_validation(digests, labels, _names(2), 0.1, seed=0)


def test_a_limit_too_small_for_the_classes_says_what_is_needed() -> None:
    digests, labels = _data([5, 5, 5])
    with pytest.raises(DataError, match=r"limit is 5; with 3 classes at least 6.*Raise limit"):
        split_validation(digests, labels, _names(3), 0.1, seed=0, limit=5)


# --- test


@given(counts=st.lists(st.integers(3, 60), min_size=2, max_size=5), fraction=st.floats(0.01, 0.99))
@settings(max_examples=50, deadline=None)
def test_every_class_has_a_test_sample_and_two_others(counts: list[int], fraction: float) -> None:
    digests, labels = _data(counts)
    part = hold_out_test(digests, labels, _names(len(counts)), fraction)
    assert sorted([*part.train, *part.held_out]) == list(range(len(labels)))
    assert np.bincount(labels[part.held_out], minlength=len(counts)).min() >= 1
    assert np.bincount(labels[part.train], minlength=len(counts)).min() >= 2


@given(keep=st.lists(st.booleans(), min_size=400, max_size=400))
@settings(max_examples=30, deadline=None)
def test_no_sample_of_a_class_of_usual_size_moves_when_others_come_or_go(keep: list[bool]) -> None:
    digests, labels = _data([200, 200])
    kept = np.flatnonzero(keep)
    whole = set(hold_out_test(digests, labels, _names(2), 0.2).held_out)
    tested = [sum(int(labels[i]) == label for i in kept if i in whole) for label in (0, 1)]
    others = [sum(int(labels[i]) == label for i in kept if i not in whole) for label in (0, 1)]
    assume(min(tested) >= 1 and min(others) >= 2)
    part = hold_out_test([digests[i] for i in kept], labels[kept], _names(2), 0.2)
    assert {int(kept[i]) for i in part.held_out} == whole & set(kept.tolist())


def test_identical_images_are_on_one_side_even_in_different_classes() -> None:
    digests, labels = _data([60, 60], repeats=3)
    digests[60:90] = digests[:30]
    part = hold_out_test(digests, labels, _names(2), 0.3)
    assert not {digests[i] for i in part.train} & {digests[i] for i in part.held_out}


def test_the_share_held_out_is_the_fraction_within_chance() -> None:
    digests, labels = _data([2000, 3000])
    part = hold_out_test(digests, labels, _names(2), 0.2)
    low, high = stats.binom(5000, 0.2).interval(1 - 1e-6)
    assert low <= len(part.held_out) <= high


def test_a_larger_fraction_holds_out_the_same_images_and_more() -> None:
    digests, labels = _data([300, 300])
    small, large = (set(hold_out_test(digests, labels, _names(2), fraction).held_out) for fraction in (0.1, 0.3))
    assert small < large


@pytest.mark.parametrize(
    ("counts", "repeats", "found"), [([9, 2], 1, "2 sample.*2 different"), ([9, 6], 3, "6 sample.*2 different")]
)
def test_a_class_of_too_few_different_images_is_refused_by_its_name(
    counts: list[int], repeats: int, found: str
) -> None:
    digests, labels = _data(counts, repeats)
    with pytest.raises(DataError, match=rf"class 'class 1' has {found}.*at least 3"):
        hold_out_test(digests, labels, _names(2), 0.2)


def test_classes_that_share_all_their_images_are_refused() -> None:
    digests, labels = _data([3, 3, 3])
    # Class 2 holds the images that classes 0 and 1 each keep for training.
    ranked = [sorted(digests[0:3]), sorted(digests[3:6])]
    digests[6:9] = [ranked[0][1], ranked[0][2], ranked[1][2]]
    with pytest.raises(DataError, match="Remove the samples that stand in several classes"):
        hold_out_test(digests, labels[[0, 1, 2, 3, 4, 5, 6, 7, 8]], _names(3), 1e-9)
