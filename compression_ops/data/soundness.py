"""What a data set must satisfy before anything is trained on it, and what a user should know of it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from compression_ops.data.samples import RawData, Samples
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Below this ratio of the smallest class to the largest, plain accuracy says little about the smallest.
_BALANCED = 0.1


def require_sound(raw: RawData) -> None:
    """Check arrays, labels and classes of the raw data.

    Raises DataError if there are fewer than two classes or two have one name, if samples and labels do not match in
    number, shape or type, if a label is out of range, or if a class has no sample in a split that the source has.
    """
    if len(raw.classes) < 2:
        raise DataError(f"classes: {list(raw.classes)}; at least two are needed. Add samples of another class.")
    repeated = sorted({name for name in raw.classes if raw.classes.count(name) > 1})
    if repeated:
        raise DataError(f"class names: {repeated} stand more than once; each must be unique. Rename one of them.")
    _require_samples("train", raw.train, raw)
    if isinstance(raw.test, Samples):
        _require_samples("test", raw.test, raw)
        if raw.test.values.shape[1:] != raw.train.values.shape[1:]:
            raise DataError(
                f"{raw.modality.noun} of differing shapes, without the N of {raw.modality.axes}: "
                f"{raw.train.values.shape[1:]} in train, {raw.test.values.shape[1:]} in test; all must be equal. "
                f"Resize or convert them to one shape."
            )


def _require_samples(split: str, samples: Samples, raw: RawData) -> None:
    import numpy as np

    labels, classes, noun = samples.labels, raw.classes, raw.modality.noun
    if labels.dtype != np.int64 or labels.ndim != 1:
        raise DataError(f"{split}: labels {labels.dtype} {list(labels.shape)}; a data source must give int64 [N].")
    raw.modality.require_sound(split, samples.values)
    if len(samples.values) != len(labels):
        raise DataError(f"{split}: {len(samples.values)} {noun} and {len(labels)} labels; there must be one for each.")
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        raise DataError(
            f"{split}: {len(wrong)} label(s) out of range, first sample {wrong[0]} with label {labels[wrong[0]]}; "
            f"allowed are 0 to {len(classes) - 1}. Correct the labels or name the missing classes."
        )
    counts = np.bincount(labels, minlength=len(classes))
    if empty := [name for name, count in zip(classes, counts, strict=True) if not count]:
        raise DataError(
            f"{split}: no sample of {len(empty)} class(es): {', '.join(map(repr, empty[:5]))}; every class must have "
            f"some. Add samples or remove the class."
        )


def class_balance(labels: "NDArray[np.int64]", classes: Sequence[str]) -> tuple[float, list[str]]:
    """Samples of the smallest class over samples of the largest, in (0, 1]; and a warning where it is below 0.1."""
    import numpy as np

    counts = np.bincount(labels, minlength=len(classes))
    small, large = int(counts.argmin()), int(counts.argmax())
    balance = float(counts[small] / counts[large])
    if balance >= _BALANCED:
        return balance, []
    return balance, [
        f"classes are unbalanced: {counts[small]:,} training samples of {classes[small]!r}, {counts[large]:,} of "
        f"{classes[large]!r}; accuracy says little about the small ones."
    ]


def duplicates_across_splits(digests: Mapping[str, Sequence[bytes]]) -> tuple[int, list[str]]:
    """Test samples that also stand in train or validation; and a warning where there are any.

    digests: those of each split's samples, in order.
    """
    seen = {*digests["train"], *digests["validation"]}
    repeated = [index for index, digest in enumerate(digests["test"]) if digest in seen]
    if not repeated:
        return 0, []
    return len(repeated), [
        f"{len(repeated):,} of {len(digests['test']):,} test samples also stand in train or validation "
        f"(first: test sample {repeated[0]}): on them, accuracy measures memory."
    ]
