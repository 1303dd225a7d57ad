"""Which sample goes to which split: stratified, and decided by the bytes of the image, never by its position.

A sample's place in the test split is a function of its image alone, so neither a seed, nor a limit, nor files added
later move a sample from test to training or back, and identical images always fall on the same side, unless the
samples are of a kind that repeats: then each copy has its own place (see `of_copies`). Its rank among
the candidates for validation is a function of its image and the seed, so adding a file moves few others.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compression_ops.data.file_names import listed
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# One sample for training and one for validation is the least that a class needs outside the test split.
_LEAST_OUTSIDE_TEST = 2


@dataclass(frozen=True)
class Partition:
    """Two disjoint sets of sample indices, int64, ascending."""

    train: "NDArray[np.int64]"
    held_out: "NDArray[np.int64]"


def of_copies(digests: Sequence[bytes], labels: "NDArray[np.int64]", classes: Sequence[str]) -> list[bytes]:
    """For samples of which equal ones are of different things: SHA-256(digest, class's name, k) of the k-th copy.

    Copies of one class are interchangeable, so the order of samples has no say, and a further copy moves none.
    """
    names = [hashlib.sha256(name.encode(errors="surrogatepass")).digest() for name in classes]
    known = dict[bytes, int]()
    found = list[bytes]()
    for digest, label in zip(digests, labels.tolist(), strict=True):
        content = digest + names[label]
        known[content] = copy = known.get(content, -1) + 1
        found.append(hashlib.sha256(content + copy.to_bytes(8, "big")).digest())
    return found


def hold_out_test(
    digests: Sequence[bytes], labels: "NDArray[np.int64]", classes: Sequence[str], fraction: float
) -> Partition:
    """Hold out the images whose digest, read as a number in [0, 1), lies below `fraction`.

    The size of the test split is therefore `fraction` of the samples on average only. A class that would have no test
    image gives the one of lowest digest, and one with fewer than two others takes back those of highest digest: in so
    small a class, alone, a later file can move another one. Raises DataError if a class has too few different images.
    """
    import numpy as np

    limit = int(fraction * 2**64)
    chosen = {digest for digest in digests if int.from_bytes(digest[:8], "big") < limit}
    members = _by_class(labels, len(classes))
    different = [sorted({digests[i] for i in indices}) for indices in members]
    found = zip(classes, members, different, strict=True)
    require_enough({name: (len(indices), len(ranked)) for name, indices, ranked in found})
    for ranked in different:
        chosen.add(ranked[0])
        chosen.difference_update(ranked[-_LEAST_OUTSIDE_TEST:])
    held_out = np.array([digest in chosen for digest in digests], dtype=bool)
    _require_test_samples(held_out, members, classes)
    return Partition(np.flatnonzero(~held_out), np.flatnonzero(held_out))


def require_enough(counts: Mapping[str, tuple[int, int | None]]) -> None:
    """Raises DataError if a class, {name: (samples, different ones)}, has too few for all three splits; None: how many
    are different is not known.
    """
    few = [name for name, (samples, unlike) in counts.items() if _or(unlike, samples) <= _LEAST_OUTSIDE_TEST]
    if few:
        samples, different = counts[few[0]]
        found = f"{samples} sample(s)" if different is None else f"{samples} sample(s), {different} different"
        raise DataError(
            f"class {few[0]!r} has {found}; at least {_LEAST_OUTSIDE_TEST + 1} different ones are needed, for "
            f"training, validation and test. Add samples of the class or remove it.{_others(few)}"
        )


def _or(known: int | None, otherwise: int) -> int:
    return otherwise if known is None else known


def _others(few: Sequence[str]) -> str:
    return f" Too few have also: {listed(few[1:])}." if few[1:] else ""


def split_validation(
    digests: Sequence[bytes],
    labels: "NDArray[np.int64]",
    classes: Sequence[str],
    fraction: float,
    seed: int,
    limit: int | None = None,
) -> Partition:
    """Keep at most `limit` samples and set `fraction` of those aside for validation, each class in proportion.

    In every class the samples are ranked by SHA-256(seed, image); the first are kept, the first of those go to
    validation. Each class has at least one sample on either side. Raises DataError if it cannot.
    """
    import numpy as np

    ranked = ranked_by_class(digests, labels, len(classes), seed)
    counts = [len(indices) for indices in ranked]
    require_two_each(counts, classes, limit)
    kept = counts if limit is None else allocate(counts, min(limit, sum(counts)), least=2, spare=0)
    held_out = allocate(kept, round(fraction * sum(kept)), least=1, spare=1)
    validation = [i for order, count in zip(ranked, held_out, strict=True) for i in order[:count]]
    train = [i for order, low, high in zip(ranked, held_out, kept, strict=True) for i in order[low:high]]
    return Partition(np.array(sorted(train), np.int64), np.array(sorted(validation), np.int64))


def ranked_by_class(digests: Sequence[bytes], labels: "NDArray[np.int64]", classes: int, seed: int) -> list[list[int]]:
    """The samples of each class in the order of SHA-256(seed, image), those of equal images by position."""
    members = _by_class(labels, classes)
    return [sorted(indices, key=lambda i: (_seeded(digests[i], seed), i)) for indices in members]


def allocate(counts: Sequence[int], total: int, least: int, spare: int) -> list[int]:
    """Share `total` among groups of the given sizes in proportion, by largest remainder (Hamilton's method).

    Each group gets at least `least` and leaves at least `spare` of its members; where these bounds forbid the total,
    the nearest possible one is shared. Needs count >= least + spare in every group. Exact integer arithmetic; of equal
    remainders, the earlier group comes first.
    """
    size = sum(counts)
    total = min(max(total, least * len(counts)), size - spare * len(counts))
    shares = [min(max(total * count // size, least), count - spare) for count in counts]

    def owed(group: int) -> int:
        return total * counts[group] - shares[group] * size

    while (missing := total - sum(shares)) != 0:
        if missing > 0:
            group = max((g for g in range(len(counts)) if shares[g] < counts[g] - spare), key=owed)
            shares[group] += 1
        else:
            group = min((g for g in range(len(counts)) if shares[g] > least), key=owed)
            shares[group] -= 1
    return shares


def _seeded(digest: bytes, seed: int) -> bytes:
    return hashlib.sha256(seed.to_bytes(8, "big") + digest).digest()


def _by_class(labels: "NDArray[np.int64]", classes: int) -> list[list[int]]:
    members: list[list[int]] = [[] for _ in range(classes)]
    for index, label in enumerate(labels.tolist()):
        members[label].append(index)
    return members


def _require_test_samples(
    held_out: "NDArray[np.bool_]", members: Sequence[Sequence[int]], classes: Sequence[str]
) -> None:
    for name, indices in zip(classes, members, strict=True):
        tested = int(held_out[indices].sum())
        if tested == 0 or len(indices) - tested < _LEAST_OUTSIDE_TEST:
            raise DataError(
                f"class {name!r}: {tested} of its {len(indices)} samples would be for test, since most of them are "
                f"samples that other classes hold too. Remove the samples that stand in several classes."
            )


def require_two_each(counts: Sequence[int], classes: Sequence[str], limit: int | None = None) -> None:
    """Raises DataError if a class has too few samples for training and validation, or would within `limit`."""
    few = [name for name, count in zip(classes, counts, strict=True) if count < _LEAST_OUTSIDE_TEST]
    if few:
        raise DataError(
            f"class {few[0]!r} has {counts[classes.index(few[0])]} sample(s) outside the test split; at least 2 are "
            f"needed, one for training and one for validation. Add samples of the class or remove it.{_others(few)}"
        )
    if limit is not None and limit < 2 * len(classes):
        raise DataError(
            f"limit is {limit}; with {len(classes)} classes at least {2 * len(classes)} samples are needed, one for "
            f"training and one for validation in each. Raise limit or remove it."
        )
