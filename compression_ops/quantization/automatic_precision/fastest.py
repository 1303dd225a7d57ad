"""A search of the layers that run on integers, so that a call is fast and an accuracy is kept; every model is measured.

A layer's gain depends on its neighbours', since between a float and an integer layer values are converted: it pays for
two what does not for either. So two walks are gone: from the float model, the layer that gains most alone is put on
integers first, then the next; from 8 bits everywhere, the layer that gains least is put back to float first. From the
fastest model of both that keeps to the bound a step at a time follows that changes one layer and is faster, or puts one
on integers and another one back where both lose too much.

Models *tie* unless one is faster by more than `least`, in all repetitions but one at most: somebody else may have had
the processor then. Of those that tie with the fastest, the one with the fewest layers on integers is taken: a layer at
a time goes back to float while it does. So a layer that gains nothing is float, whichever way the clock ticked.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 6  # models that are measured in turn, beside the float one and the one that they are compared with
_TINY = 1e-9
Layers = frozenset[str]
Gain = NDArray[np.float64]
NONE: Layers = frozenset()


@dataclass(frozen=True)
class Found:
    """layers    on integers, as they were found
    fastest   of the model that these tie with
    shares    of every model that was measured, the share that its latency is of the float one's
    float_us  median latency of the float model
    complete  whether the search came to its end
    """

    layers: Layers
    fastest: Layers
    shares: dict[Layers, float]
    float_us: float
    complete: bool


class _Enough(Exception):
    """As many models were measured as may be."""


@dataclass
class Search:
    """names     of the layers, in order
    measured  the latencies of some models, measured in turn: float [models, repetitions]; infinite of one that
              cannot be
    lost      the points of accuracy that a model loses
    bound     the most that it may
    least     what less is a tie, as a share of the float model's latency
    limit     the most models that are measured, beside the float one
    """

    names: Sequence[str]
    measured: Callable[[Sequence[Layers]], NDArray[np.float64]]
    lost: Callable[[Layers], float]
    bound: float
    least: float
    limit: int
    _shares: dict[Layers, float] = field(default_factory=lambda: {NONE: 1.0})
    _floats: list[float] = field(default_factory=list[float])

    def run(self) -> Found:
        """Search. With a limit of one, 8 bits everywhere is compared with float."""
        complete, best = True, NONE
        try:
            self._walk()
        except _Enough:
            complete = False
        ranked = sorted(self._shares, key=lambda model: self._shares[model])
        fastest = best = next(model for model in ranked if self._keeps(model))
        try:
            fastest = best = self._climbed(best)
            best = self._fewest(best)
        except _Enough:
            complete = False
            best = best if fastest == NONE or self._shares[fastest] < 1 - self.least else NONE
        return Found(best, fastest, self._shares, float(np.median(self._floats)), complete)

    def changed(self, model: Layers) -> dict[str, float | None]:
        """By layer, by which share of the float model's latency a model gets slower when this one changes."""
        others = [model ^ {name} for name in self.names]
        try:
            gains = self._gains(model, others)
        except _Enough:
            return dict.fromkeys(self.names)
        shares = {name: -float(np.median(gain)) for name, gain in zip(self.names, gains, strict=True)}
        return {name: share if np.isfinite(share) else None for name, share in shares.items()}

    def _walk(self) -> None:
        everything, alone = frozenset(self.names), [frozenset({name}) for name in self.names]
        self._gains(NONE, [everything, *alone, *(everything - one for one in alone)])
        up, down = NONE, everything
        for one in sorted(alone, key=lambda one: self._shares[one]):
            if self._keeps(up | one):
                up |= one
                self._gains(NONE, [up])
        for one in sorted(alone, key=lambda one: self._shares[everything - one]):
            down -= one
            self._gains(NONE, [down])

    def _climbed(self, best: Layers) -> Layers:
        while True:
            better = self._better(best, [best ^ {name} for name in self.names])
            following = next(filter(self._keeps, better), None)
            if following is None:  # what would lose too much beside all others may be there instead of one of them
                instead = [other - {name} for other in better for name in self.names if name in other & best]
                following = next(filter(self._keeps, self._better(best, instead)), None)
            if following is None:
                return best
            best = following

    def _better(self, reference: Layers, models: Sequence[Layers]) -> list[Layers]:
        """Those that are faster, the fastest first; each is faster than all before it were, so none comes twice."""
        gains = zip(models, self._gains(reference, models), strict=True)
        return [model for model, gain in sorted(gains, key=_by_gain) if self._is_beyond(gain)]

    def _fewest(self, best: Layers) -> Layers:
        """Of what ties with the fastest."""
        if best == NONE or not self._is_beyond(-self._gains(best, [NONE])[0]):
            return NONE
        current = best
        while len(current) > 1:
            others = [current - {name} for name in self.names if name in current]
            gains = zip(others, self._gains(best, others), strict=True)
            tied = sorted(((other, gain) for other, gain in gains if not self._is_beyond(-gain)), key=_by_gain)
            following = next((other for other, _ in tied if self._keeps(other)), None)
            if following is None:
                break
            current = following
        return current

    def _is_beyond(self, gain: Gain) -> bool:
        return float(np.sort(gain)[1]) > self.least

    def _keeps(self, model: Layers) -> bool:
        return model == NONE or self.lost(model) <= self.bound + _TINY

    def _gains(self, reference: Layers, models: Sequence[Layers]) -> list[Gain]:
        """By which share of the float model's latency each is faster than `reference`, in every repetition."""
        found: list[Gain] = []
        for chunk in _chunks(models):
            new = [model for model in dict.fromkeys((reference, *chunk)) if model not in self._shares]
            left = self.limit - len(self._shares) + 1
            if len(new) > left and left > 0:
                self._measure(reference, [model for model in chunk if model in new[:left]])
            if len(new) > left:
                raise _Enough
            found += self._measure(reference, chunk)
        return found

    def _measure(self, reference: Layers, models: Sequence[Layers]) -> list[Gain]:
        every = list(dict.fromkeys((NONE, reference, *models)))
        latencies = dict(zip(every, self.measured(every), strict=True))
        floats = latencies[NONE]
        self._floats += floats.tolist()
        for model in every:
            self._shares.setdefault(model, float(np.median(latencies[model] / floats)))
        return [(latencies[reference] - latencies[model]) / floats for model in models]


def _by_gain(found: tuple[Layers, Gain]) -> float:
    return -float(np.median(found[1]))


def _chunks(models: Sequence[Layers]) -> Iterable[Sequence[Layers]]:
    return [models[start : start + _AT_ONCE] for start in range(0, len(models), _AT_ONCE)]
