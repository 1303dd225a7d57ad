"""The generation of a recipe's seeds: how often its schedule has asked to train anew. It is observed, not derived.

The seed of every training is so many thousands larger, so generation 0 is what the recipe says, going back to an
earlier generation finds its results known, and further seeds of one generation are none of the next.
"""

import json
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from compression_ops.errors import CompressionError
from compression_ops.spec import Spec
from pipelines.state.home import Home

S = TypeVar("S", bound=Spec)

_SEEDS = 2**63  # seeds are whole numbers below this
_OF_A_GENERATION = 1000


def current(home: Home, recipe: str) -> int:
    """The generation of a recipe; 0 until its schedule first asked for new seeds.

    Raises CompressionError if somebody damaged the file that says so: no other place tells it.
    """
    file = _file(home, recipe)
    try:
        return int(json.loads(file.read_text())["generation"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CompressionError(
            f"{file} does not say which generation the seeds of recipe {recipe!r} have\n"
            '  write {"generation": N} into it, N being how often its schedule asked for new seeds, or remove it, '
            "and the seeds are those of the recipe"
        ) from None


def advance(home: Home, recipe: str, target: int) -> int:
    """Raise a recipe's generation to `target`; one that is there already stays, so a repeated tick does nothing."""
    file = _file(home, recipe)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        if current(home, recipe) < target:
            temporary = file.with_suffix(".new")
            temporary.write_text(json.dumps({"generation": target}) + "\n")
            temporary.replace(file)
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


def _file(home: Home, recipe: str) -> Path:
    return home.root / "generations" / f"{recipe}.json"
