"""Test samples of which two models say different classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compression_ops.evaluation.comparison import paired

# Of a probability: what more digits say depends on the processor.
_DIGITS = 6


@dataclass(frozen=True)
class Answer:
    """What a model says of one sample: the class of its largest logit, and a probability a class."""

    predicted: int
    probabilities: tuple[float, ...]

    @property
    def probability(self) -> float:
        """Of the class that it says."""
        return self.probabilities[self.predicted]


@dataclass(frozen=True)
class Flip:
    """A test sample of which the two models say different classes: its index in the test split, and its true class."""

    sample: int
    label: int
    first: Answer
    second: Answer

    @property
    def effect(self) -> str:
        """`lost`: only the first is right; `gained`: only the second is; `neither`."""
        if self.first.predicted == self.label:
            return "lost"
        return "gained" if self.second.predicted == self.label else "neither"


def samples_by_effect(
    logits: NDArray[np.float32], second_logits: NDArray[np.float32], labels: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """The samples of which two models say different classes, by effect, in their order; see `of_logits`."""
    predicted, second_predicted = logits.argmax(axis=1), second_logits.argmax(axis=1)
    apart, lost, gained = predicted != second_predicted, predicted == labels, second_predicted == labels
    chosen = {"lost": apart & lost, "gained": apart & gained, "neither": apart & ~lost & ~gained}
    return {effect: np.flatnonzero(mask) for effect, mask in chosen.items()}


def of_logits(
    logits: NDArray[np.float32],
    second_logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    samples: NDArray[np.int64] | None = None,
) -> tuple[Flip, ...]:
    """Of the logits of two models, float32 [N, classes], and labels int64 [N]: first what was lost, then what was
    gained, then the others, each in the order of the samples; of `samples` alone, int64 [M], where these are given.
    """
    predicted, second_predicted = logits.argmax(axis=1), second_logits.argmax(axis=1)
    if samples is None:
        samples = np.flatnonzero(predicted != second_predicted)
    shares, second_shares = (paired.probabilities(each[samples]).round(_DIGITS) for each in (logits, second_logits))
    flips = [
        Flip(
            sample=sample,
            label=int(labels[sample]),
            first=Answer(int(predicted[sample]), tuple(shares[row].tolist())),
            second=Answer(int(second_predicted[sample]), tuple(second_shares[row].tolist())),
        )
        for row, sample in enumerate(samples.tolist())
    ]
    return tuple(sorted(flips, key=lambda flip: ("lost", "gained", "neither").index(flip.effect)))
