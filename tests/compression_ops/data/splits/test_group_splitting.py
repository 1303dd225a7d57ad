"""Splits that part no group."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from compression_ops.data.splits.group_splitting import hold_out_test, split_validation, uneven_shares
from compression_ops.errors import DataError

_CLASSES = ("cat", "dog", "eel")


def _samples(count: int, sizes: float = 1.0, seed: int = 0) -> tuple[np.ndarray, list[bytes], np.ndarray]:
    """Groups of random sizes and mixtures of classes; every image is another."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(count), random.lognormal(3, sizes, count).astype(int) + 3)
    mixtures = random.dirichlet(np.ones(3), count)
    labels = np.array([random.choice(3, p=mixtures[group]) for group in groups], np.int64)
    return np.array([f"g{group}" for group in groups]), [f"{i}".encode() for i in range(len(groups))], labels


def test_no_group_stands_on_both_sides_and_every_class_on_each() -> None:
    for seed in range(20):
        groups, digests, labels = _samples(12, seed=seed)
        outer = hold_out_test(groups, digests, labels, _CLASSES, 0.2)
        inner = split_validation(
            groups[outer.train], [digests[i] for i in outer.train], labels[outer.train], _CLASSES, 0.2, 0
        )
        sides = [outer.held_out, outer.train[inner.held_out], outer.train[inner.train]]
        assert sorted(np.concatenate(sides)) == list(range(len(labels)))
        names = [set(groups[side]) for side in sides]
        assert sum(map(len, names)) == len(set(groups))
        assert [len(np.unique(labels[side])) for side in sides] == [3, 3, 3]


def test_shares_are_as_near_to_the_fraction_as_scikit_learns_folds() -> None:
    ours, theirs = [], []
    for seed in range(20):
        groups, digests, labels = _samples(20, seed=seed)
        held = hold_out_test(groups, digests, labels, _CLASSES, 0.2).held_out
        _, fold = next(StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, groups))
        for side, errors in ((held, ours), (fold, theirs)):
            shares = np.bincount(labels[side], minlength=3) / np.bincount(labels)
            errors.append(float(np.sqrt(np.mean((shares - 0.2) ** 2))))
    assert np.mean(ours) <= np.mean(theirs)


def test_neither_the_order_of_samples_nor_their_images_decide_but_the_names_and_the_seed() -> None:
    groups, digests, labels = _samples(15)
    order = np.random.default_rng(1).permutation(len(labels))
    first = split_validation(groups, digests, labels, _CLASSES, 0.3, 5)
    second = split_validation(groups[order], [b"x%d" % i for i in range(len(order))], labels[order], _CLASSES, 0.3, 5)
    other = split_validation(groups, digests, labels, _CLASSES, 0.3, 6)
    assert set(groups[first.held_out]) == set(groups[order][second.held_out]) != set(groups[other.held_out])


def test_groups_that_hold_the_same_image_stay_together() -> None:
    groups, _, _ = _samples(12)
    for held in range(12):
        labels = np.arange(len(groups)) % 3
        digests = [f"{i}".encode() for i in range(len(groups))]
        pair = [int(np.flatnonzero(groups == f"g{number}")[0]) for number in (held, (held + 5) % 12)]
        digests[pair[1]] = digests[pair[0]]
        part = hold_out_test(groups, digests, labels, _CLASSES, 0.3)
        assert len({index in part.held_out for index in pair}) == 1


def test_a_limit_keeps_that_many_on_both_sides_in_proportion() -> None:
    groups, digests, labels = _samples(40)
    whole = split_validation(groups, digests, labels, _CLASSES, 0.3, 0)
    part = split_validation(groups, digests, labels, _CLASSES, 0.3, 0, limit=100)
    assert len(part.train) + len(part.held_out) == 100
    assert set(part.train) <= set(whole.train)
    assert set(part.held_out) <= set(whole.held_out)
    for name in ("train", "held_out"):
        side, all_of_it = getattr(part, name), getattr(whole, name)
        expected = np.bincount(labels[all_of_it]) * len(side) / len(all_of_it)
        assert np.abs(np.bincount(labels[side]) - expected).max() < 1
    with pytest.raises(DataError, match="limit is 5; with 3 classes at least 6"):
        split_validation(groups, digests, labels, _CLASSES, 0.3, 0, limit=5)


def test_all_classes_of_too_few_groups_are_named_with_their_groups() -> None:
    groups = np.array(["p1", "p2", "p3", "p1", "p2", "p4", "p4"])
    labels = np.array([0, 0, 0, 1, 1, 2, 2])
    digests = [bytes([i]) for i in range(7)]
    with pytest.raises(
        DataError, match=r"dataset\.groups: 2 class.*fewer than 3.*\n.*class dog: 2 sample.*p1, p2\n.*eel"
    ):
        hold_out_test(groups, digests, labels, _CLASSES, 0.2)
    with pytest.raises(
        DataError, match=r"1 class.*fewer than 2 groups, and training and validation.*\n.*eel: 2 .*: p4"
    ):
        split_validation(groups, digests, labels, _CLASSES, 0.2, 0)


def test_groups_of_several_classes_that_admit_no_split_are_refused_in_words() -> None:
    # Every two of three groups share a class, so whichever is held out takes a class's second group for training.
    pairs = [("a", 0), ("b", 0), ("b", 1), ("c", 1), ("c", 2), ("a", 2)]
    with pytest.raises(DataError, match="no split was found in which each class"):
        split_validation(
            np.array([name for name, _ in pairs]), [bytes([i]) for i in range(6)],
            np.array([label for _, label in pairs]), _CLASSES, 0.5, 0,
        )  # fmt: skip


def test_a_class_far_from_its_share_is_told() -> None:
    held, train = np.array([0] * 10 + [1] * 40), np.array([0] * 90 + [1] * 60)
    [warning] = uneven_shares("validation", held, train, ("cat", "dog"), 0.1)
    assert "groups leave 40.0% of class 'dog' for validation instead of 10.0%" in warning
    assert uneven_shares("validation", held[:10], train[:90], ("cat",), 0.1) == []
