"""Splits that part no group: which group goes where, so that each class has its share as nearly as groups allow.

scikit-learn's StratifiedGroupKFold makes k equal folds, and its GroupShuffleSplit knows no classes; here a share is any
fraction. Groups that hold an identical image are one. They are looked at in the order of SHA-256(seed, group's name),
so that neither the order of files nor their number decides, and one is held out where that brings the shares of its
classes nearer to the fraction: where the sum over classes of (share held out - fraction)² falls.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from compression_ops.data.file_names import lines, listed
from compression_ops.data.splits.splitting import Partition, allocate, ranked_by_class
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Orders that are tried before groups of several classes are said to admit no split.
_ORDERS = 32
# A share that differs by more than half of what was asked for, and by more than this, is told.
_NOTICED = 0.05


def hold_out_test(
    groups: "NDArray[np.str_]",
    digests: Sequence[bytes],
    labels: "NDArray[np.int64]",
    classes: Sequence[str],
    fraction: float,
) -> Partition:
    """Hold out whole groups for test. As in splitting.hold_out_test no parameter but the fraction changes the result;
    groups added later can move others.

    groups: of each sample, [N]. Each class has a group in test and two outside, for training and validation.
    Raises DataError, which names all classes of fewer groups, if it cannot.
    """
    return _hold_out(_Table(groups, digests, labels, classes), fraction, seed=0, least=2)


def split_validation(
    groups: "NDArray[np.str_]",
    digests: Sequence[bytes],
    labels: "NDArray[np.int64]",
    classes: Sequence[str],
    fraction: float,
    seed: int,
    limit: int | None = None,
) -> Partition:
    """Set whole groups aside for validation, then keep at most `limit` samples, on both sides and in each class in
    proportion. Each class has a group on either side.

    Raises DataError, which names all classes of one group, if it cannot.
    """
    part = _hold_out(_Table(groups, digests, labels, classes), fraction, seed, least=1)
    if limit is None or limit >= len(labels):
        return part
    if limit < 2 * len(classes):
        raise DataError(
            f"limit is {limit}; with {len(classes)} classes at least {2 * len(classes)} samples are needed, one for "
            f"training and one for validation in each. Raise limit or remove it."
        )
    held = allocate([len(part.train), len(part.held_out)], limit, least=len(classes), spare=0)
    train, held_out = (
        _limited(side, digests, labels, len(classes), kept, seed)
        for side, kept in zip((part.train, part.held_out), held, strict=True)
    )
    return Partition(train, held_out)


def uneven_shares(
    name: str, held_out: "NDArray[np.int64]", train: "NDArray[np.int64]", classes: Sequence[str], fraction: float
) -> list[str]:
    """A warning where groups leave a class far from its share of a split; the arrays are labels, int64 [N]."""
    import numpy as np

    held, rest = (np.bincount(labels, minlength=len(classes)) for labels in (held_out, train))
    shares = held / np.maximum(held + rest, 1)
    worst = int(np.abs(shares - fraction).argmax())
    if abs(shares[worst] - fraction) <= max(_NOTICED, fraction / 2):
        return []
    return [
        f"groups leave {shares[worst]:.1%} of class {classes[worst]!r} for {name} instead of {fraction:.1%}; smaller "
        f"groups, or more of them, would come nearer."
    ]


@dataclass
class _Table:
    """How many samples of which class each group has.

    names    of the groups, in any order; of groups that share an image, the first by name stands for all
    of       the group of each sample, int64 [N]
    content  of each group: its classes, int64 [k], and the samples of each, float64 [k]
    """

    classes: Sequence[str]
    names: list[str]
    of: "NDArray[np.int64]"
    content: "list[tuple[NDArray[np.int64], NDArray[np.float64]]]"

    def __init__(
        self,
        groups: "NDArray[np.str_]",
        digests: Sequence[bytes],
        labels: "NDArray[np.int64]",
        classes: Sequence[str],
    ) -> None:
        import numpy as np

        self.classes = classes
        self.names, self.of = _joined(groups, digests)
        pairs, counts = np.unique(self.of * len(classes) + labels, return_counts=True)
        starts = np.searchsorted(pairs, np.arange(len(self.names) + 1) * len(classes))
        self.content = [
            (pairs[low:high] % len(classes), counts[low:high].astype(np.float64)) for low, high in pairwise(starts)
        ]
        self.samples = np.bincount(labels, minlength=len(classes)).astype(np.float64)
        self.groups = np.bincount(pairs % len(classes), minlength=len(classes))


def _joined(groups: "NDArray[np.str_]", digests: Sequence[bytes]) -> "tuple[list[str], NDArray[np.int64]]":
    """Names of groups, and each sample's, where groups that hold the same image are one."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names, of = np.unique(groups, return_inverse=True)
    numbers: dict[bytes, int] = {}
    images = np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], np.int64)
    size = len(names) + len(numbers)
    edges = coo_array((np.ones(len(of), np.int8), (of, len(names) + images)), shape=(size, size))
    _, component = connected_components(edges, directed=False)
    found, first, of_name = np.unique(component[: len(names)], return_index=True, return_inverse=True)
    assert len(found) == len(first)
    return names[first].tolist(), of_name[of].astype(np.int64)


def _hold_out(table: _Table, fraction: float, seed: int, least: int) -> Partition:
    """Hold out groups so that each class has one held out and `least` that are not."""
    import numpy as np

    _require_groups(table, least + 1)
    for attempt in range(_ORDERS):
        salt = f"{seed} {attempt} ".encode()
        order = sorted(
            range(len(table.names)), key=lambda g: hashlib.sha256(salt + table.names[g].encode("utf-8")).digest()
        )
        held = _chosen(table, order, fraction, least)
        if held is not None:
            is_held = held[table.of]
            return Partition(np.flatnonzero(~is_held), np.flatnonzero(is_held))
    raise DataError(
        f"dataset.groups: no split was found in which each class has groups to train on and one held out, as several "
        f"classes share a group ({len(table.names):,} groups). State finer groups, add samples of further groups, or "
        f"give the data a test split of their own."
    )


def _chosen(table: _Table, order: Sequence[int], fraction: float, least: int) -> "NDArray[np.bool_] | None":
    """bool [groups]: those held out; None if a class would have none."""
    import numpy as np

    held = np.zeros(len(table.names), bool)
    # By class: samples held out beyond the fraction; groups that may still be held out; groups that are.
    excess = -fraction * table.samples
    free, taken = table.groups - least, np.zeros(len(table.classes), np.int64)

    def gain(group: int) -> float:
        """How much the sum of squares rises."""
        kinds, counts = table.content[group]
        return float(np.sum(counts * (2 * excess[kinds] + counts) / table.samples[kinds] ** 2))

    def take(group: int) -> None:
        kinds, counts = table.content[group]
        held[group] = True
        excess[kinds] += counts
        free[kinds] -= 1
        taken[kinds] += 1

    for group in order:
        if free[table.content[group][0]].all() and gain(group) < 0:
            take(group)
    for kind in np.flatnonzero(taken == 0).tolist():
        if taken[kind]:
            continue
        able = [g for g in order if kind in table.content[g][0] and free[table.content[g][0]].all()]
        if not able:
            return None
        take(min(able, key=gain))
    return held


def _require_groups(table: _Table, least: int) -> None:
    few = [kind for kind, count in enumerate(table.groups) if count < least]
    if not few:
        return
    told: list[str] = []
    for kind in few:
        names = [name for name, (kinds, _) in zip(table.names, table.content, strict=True) if kind in kinds]
        counted = f"{int(table.samples[kind]):,} sample(s) in {len(names)} group(s)"
        told.append(f"class {table.classes[kind]}: {counted}: {listed(names)}")
    purpose = "training, validation and test" if least > 2 else "training and validation"
    raise DataError(
        f"dataset.groups: {len(few):,} class(es) have fewer than {least} groups, and {purpose} need one each. Add "
        f"samples of further groups, state finer groups, or remove the class:{lines(told)}"
    )


def _limited(
    side: "NDArray[np.int64]", digests: Sequence[bytes], labels: "NDArray[np.int64]", classes: int, kept: int, seed: int
) -> "NDArray[np.int64]":
    """`kept` of a side's samples, each class in proportion, by the rank that splitting gives them."""
    import numpy as np

    ranked = ranked_by_class([digests[i] for i in side.tolist()], labels[side], classes, seed)
    counts = allocate([len(order) for order in ranked], kept, least=1, spare=0)
    chosen = [i for order, count in zip(ranked, counts, strict=True) for i in order[:count]]
    return side[np.array(sorted(chosen), np.int64)]
