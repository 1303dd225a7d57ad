"""How much each class weighs in what a network learns from labels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from compression_ops.training.hyperparameters import Training

_NAMED = 5


def of_training(training: Training, labels: Tensor, classes: int) -> Tensor | None:
    """float32 [classes] for `class_weights: balanced`; None where all classes weigh the same.

    labels: int64 [N], the classes of the training split.
    """
    return balanced(labels, classes) if training.class_weights == "balanced" else None


def balanced(labels: Tensor, classes: int) -> Tensor:
    """n / (k n_c) of n samples, n_c of them of class c, and k classes that have samples: float32 [classes].

    The mean over the samples is 1 (King & Zeng 2001, as scikit-learn counts it). A class without samples weighs 0.
    """
    counts = torch.bincount(labels, minlength=classes).double()
    present = counts > 0
    weights = len(labels) / (present.sum() * counts.clamp(min=1))
    return torch.where(present, weights, 0.0).float()


def warnings(weights: Tensor | None, classes: Sequence[str]) -> tuple[str, ...]:
    """Which classes weigh nothing, as a sentence, if any."""
    absent = (
        [] if weights is None else [name for name, weight in zip(classes, weights.tolist(), strict=True) if not weight]
    )
    if not absent:
        return ()
    more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
    names = ", ".join(map(repr, absent[:_NAMED])) + more
    return (f"class_weights: no training sample of {names}; of such a class nothing is learned, whatever it weighs.",)
