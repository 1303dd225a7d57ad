"""The generation of a recipe's seeds: how often its schedule has asked to train anew. It is observed, not derived.

The seed of every training is so many thousands larger, so generation 0 is what the recipe says, going back to an
earlier generation finds its results known, and further seeds of one generation are none of the next.
"""

import json
from typing import TypeVar

from compression_ops.errors import CompressionError
from compression_ops.spec import Spec
from pipelines.state.home import Home

S = TypeVar("S", bound=Spec)

_SEEDS = 2**63  # seeds are whole numbers below this
_OF_A_GENERATION = 1000


def current(home: Home, recipe: str) -> int:
    """The generation of a recipe; 0 until its schedule first asked for new seeds.

    Raises CompressionError if somebody damaged what says so: no other place tells it.
    """
    return _read(home, recipe, home.journal.text(_name(recipe)))


def _read(home: Home, recipe: str, text: str | None) -> int:
    if text is None:
        return 0
    try:
        return int(json.loads(text)["generation"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CompressionError(
            f"{home.journal.where(_name(recipe))} does not say which generation the seeds of recipe {recipe!r} have\n"
            '  write {"generation": N} into it, N being how often its schedule asked for new seeds, or remove it, '
            "and the seeds are those of the recipe"
        ) from None


def advance(home: Home, recipe: str, target: int) -> int:
    """Raise a recipe's generation to `target`; one that is there already stays, so a repeated tick does nothing."""

    def raised(text: str | None) -> str:
        now = _read(home, recipe, text)
        return text if text is not None and now >= target else json.dumps({"generation": max(now, target)}) + "\n"

    home.journal.update(_name(recipe), raised)
    return current(home, recipe)


def seeded(parameters: S, generation: int) -> S:
    """A training stage's parameters with the seed of a generation."""
    return with_seed(parameters, _OF_A_GENERATION * generation)


def with_seed(parameters: S, further: int) -> S:
    """A training stage's parameters with a seed that is so much larger: their own, or that of its method."""
    seed = getattr(parameters, "seed", None)
    if isinstance(seed, int):
        return parameters.changed(seed=(seed + further) % _SEEDS)
    parts = {name: getattr(parameters, name) for name in type(parameters).model_fields}
    trained = {name: part for name, part in parts.items() if isinstance(part, Spec) and hasattr(part, "seed")}
    return parameters.changed(**{name: with_seed(part, further) for name, part in trained.items()})


def _name(recipe: str) -> str:
    return f"generations/{recipe}.json"
