"""Flipped samples as cards of a page: `templates/flips.html` draws them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compression_ops import quantities
from compression_ops.evaluation.comparison.flipped import Flipped
from compression_ops.evaluation.comparison.flips import Answer, Flip
from compression_ops.report.comparison import pictures
from compression_ops.report.contents import Report

_GUIDE = "Lost: only A is right; gained: only B is. Bars: the probabilities that A (blue) and B (orange) give."
_OF_MAPS = "Maps: blue pixels speak for the model's own answer, red ones against it (integrated gradients)."
_BARS = 5  # classes a sample


def card(
    flip: Flip,
    classes: Sequence[str],
    words: str,
    image: NDArray[np.uint8] | None,
    maps: Sequence[NDArray[Any] | None],
) -> dict[str, object]:
    """What a card shows: the sample, what it is, and the likeliest classes of both models with their probabilities.

    image  uint8 [C, H, W]; None of what is no image: its `words` stand there
    maps   of A and of B: float [C, H, W], what each pixel says for the model's answer; None where that is not known
    """
    likely = [_likeliest(answer) for answer in (flip.first, flip.second)]
    named = list(dict.fromkeys([flip.label, flip.first.predicted, flip.second.predicted, *likely[0], *likely[1]]))
    bars = [
        (
            classes[label],
            [
                (100 * share, quantities.percent(share))
                for share in (flip.first.probabilities[label], flip.second.probabilities[label])
            ],
        )
        for label in named[:_BARS]
    ]
    drawn = [(name, pictures.attributions(each)) for name, each in zip("AB", maps, strict=False) if each is not None]
    return {
        "sample": flip.sample,
        "effect": flip.effect,
        "label": classes[flip.label],
        "answers": [classes[answer.predicted] for answer in (flip.first, flip.second)],
        "image": None if image is None else pictures.sample(image),
        "words": words,
        "maps": drawn,
        "bars": bars,
    }


def guide(flips: Sequence[Mapping[str, object]]) -> str:
    """How to read cards."""
    return f"{_GUIDE} {_OF_MAPS}" if any(flip["maps"] for flip in flips) else _GUIDE


def of_report(report: Report) -> list[dict[str, object]]:
    """What each model of a report answers otherwise than its parent: both names, a sentence, cards, how many more."""
    found: list[dict[str, object]] = []
    for each in report.measurements.flips:
        flips = [card(one.flip, report.classes, one.words, one.image, one.maps) for one in each.shown]
        told = {"sentence": sentence(each, report.test_samples), "guide": guide(flips)}
        left_out = each.count - len(each.shown)
        found.append({"models": (each.parent, each.model), "flips": flips, "left_out": left_out, **told})
    return found


def sentences(report: Report) -> list[tuple[str, str]]:
    """(model, how many samples it answers otherwise than its parent)."""
    every = report.measurements.flips
    return [(each.model, f"against {each.parent}, {sentence(each, report.test_samples)}") for each in every]


def sentence(flipped: Flipped, samples: int) -> str:
    """`12 of 360 test samples flipped: 7 lost, 4 gained, 1 wrong either way.`"""
    counts = {"lost": flipped.lost, "gained": flipped.gained, "wrong either way": flipped.neither}
    told = ", ".join(f"{quantities.count(count)} {words}" for words, count in counts.items() if count)
    return f"{quantities.count(flipped.count)} of {quantities.count(samples)} test samples flipped: {told}."


def _likeliest(answer: Answer) -> list[int]:
    return np.argsort(-np.array(answer.probabilities), kind="stable")[:_BARS].tolist()
