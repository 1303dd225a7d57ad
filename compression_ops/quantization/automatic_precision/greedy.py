"""A search of few bits for each layer that keep an accuracy: a greedy walk, every model of it verified.

A step gives one layer fewer bits. The next one is that which saves most bytes for the divergence that it should add,

    (bytes(b) - bytes(b')) / max(S_i(b'_i) - S_i(b_i), tiny),

with S_i the sensitivity of layer i; ties go to the earlier layer. The first walk, from 8 bits everywhere, takes each
step, until far more is lost than may be: one step beyond the bound and one back within it are common, since accuracy is
counted in samples. From the smallest of its models that keep to the bound a second walk takes those steps alone that
keep to it and give a smaller file. At the end no single step does.

That a layer's sensitivity is weighed against its bytes: Dong et al. 2019, "HAWQ: Hessian AWare Quantization of Neural
Networks With Mixed-Precision", §3; that the bound is checked on the quantized network itself: Wang et al. 2019, "HAQ:
Hardware-Aware Automated Quantization", §3.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_TINY = 1e-9
_FAR = 5.0  # points beyond the bound, from which no step leads back
Bits = Mapping[str, int]


@dataclass(frozen=True)
class Model:
    """lost: points of accuracy against the float model; size: bytes of its file."""

    lost: float
    size: int


@dataclass(frozen=True)
class Found:
    """bits      of each layer, as they were found
    walk      the models of both walks, in order, the first that of 8 bits everywhere; `bits` are among them
    refused   by (layer, bits), the model that this step makes of the one that was found
    complete  whether no step was left to try
    """

    bits: Bits
    walk: tuple[Bits, ...]
    refused: Mapping[tuple[str, int], Model]
    complete: bool


class _Enough(Exception):
    """As many models were tried as may be."""


def search(
    start: Bits,
    sensitivity: Mapping[str, Mapping[int, float]],
    stored_bytes: Callable[[Bits], int],
    tried: Callable[[Bits], Model],
    bound: float,
    limit: int,
) -> Found:
    """From `start`, the bits of each layer in order.

    sensitivity   of each layer, by the bits that it may be given, fewer than it has at the start
    stored_bytes  of all layers with these bits
    tried         the model with these bits; asked once for each, at most `limit` times, though at least for the start
    bound         the most points that it may lose
    """
    return _Search(sensitivity, stored_bytes, tried, bound, limit).run(dict(start))


class _Search:
    def __init__(
        self,
        sensitivity: Mapping[str, Mapping[int, float]],
        stored_bytes: Callable[[Bits], int],
        tried: Callable[[Bits], Model],
        bound: float,
        limit: int,
    ) -> None:
        self._sensitivity, self._bytes, self._tried = sensitivity, stored_bytes, tried
        self._bound, self._limit = bound, max(1, limit)
        self._known: dict[tuple[int, ...], Model] = {}

    def run(self, start: dict[str, int]) -> Found:
        walk, complete, bits = [start], True, start
        try:
            self._freely(walk)
        except _Enough:
            complete = False
        keeping = [each for each in walk if self._keeps(self._model(each))]
        bits = min(keeping, key=lambda each: self._model(each).size, default=start)
        try:
            while (step := self._allowed(bits)) is not None:
                bits = {**bits, step[0]: step[1]}
                walk.append(bits)
        except _Enough:
            complete = False
        refused = {
            step: self._known[key]
            for step in self._smaller(bits)
            if (key := self._key({**bits, step[0]: step[1]})) in self._known
        }
        return Found(bits, tuple(walk), refused, complete)

    def _freely(self, walk: list[dict[str, int]]) -> None:
        """Append the models of the first walk."""
        self._model(walk[0])
        while steps := self._ranked(walk[-1]):
            following = {**walk[-1], steps[0][0]: steps[0][1]}
            lost = self._model(following).lost
            walk.append(following)
            if lost > self._bound + _FAR:
                return

    def _allowed(self, bits: Bits) -> tuple[str, int] | None:
        """The first step that keeps to the bound and gives a smaller file."""
        size = self._model(bits).size
        for name, width in self._ranked(bits):
            model = self._model({**bits, name: width})
            if self._keeps(model) and model.size < size:
                return name, width
        return None

    def _keeps(self, model: Model) -> bool:
        return model.lost <= self._bound + _TINY

    def _ranked(self, bits: Bits) -> list[tuple[str, int]]:
        return sorted(self._smaller(bits), key=lambda step: self._worth(bits, step), reverse=True)

    def _smaller(self, bits: Bits) -> Iterator[tuple[str, int]]:
        """The steps that save bytes of weights."""
        for name, widths in self._sensitivity.items():
            for width in widths:
                if width < bits[name] and self._saved(bits, (name, width)) > 0:
                    yield name, width

    def _saved(self, bits: Bits, step: tuple[str, int]) -> int:
        return self._bytes(bits) - self._bytes({**bits, step[0]: step[1]})

    def _worth(self, bits: Bits, step: tuple[str, int]) -> float:
        name, width = step
        before = self._sensitivity[name].get(bits[name], 0.0)
        return self._saved(bits, step) / max(self._sensitivity[name][width] - before, _TINY)

    def _model(self, bits: Bits) -> Model:
        key = self._key(bits)
        if key not in self._known:
            if len(self._known) >= self._limit:
                raise _Enough
            self._known[key] = self._tried(bits)
        return self._known[key]

    def _key(self, bits: Bits) -> tuple[int, ...]:
        return tuple(bits[name] for name in self._sensitivity)
