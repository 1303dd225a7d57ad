"""Of the truth table: the real runs that show what its rows compute.

Of the parameters that compute the same set, one is followed to its end. Each of the others is followed until what it
computes first has come out otherwise than before, which alone decides about all that is made from it. Those that
compute nothing are edited at once, as far as the places allow at which they stand.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.pipelines.execution.truth_table.rows import (
    CONTROL,
    LABELS,
    MADE_FROM,
    PARAMETERS,
    QUANTIZED,
    RECIPE,
    STUDENT,
    TEACHER,
)

_EDIT = "\n_EDITED_BY_A_TEST = True\n"
# What takes time to compute. Whether anything is made from it anew hangs on its digest.
_COSTLY = {"dataset", TEACHER, LABELS, STUDENT, CONTROL, QUANTIZED}


@dataclass(frozen=True)
class Real:
    """One run.

    names    the rows that it shows;  select  the assets that it is confined to, none if it may compute all
    """

    names: tuple[str, ...]
    select: tuple[str, ...] = ()

    def row(self, copy: Path) -> dict[str, Any]:
        """What runs.py does, in a copy of the project beside a folder of recipes."""
        if self.names[0] not in PARAMETERS:
            return {"file": str(_source(copy, self.names[0])), "append": _EDIT, "select": ()}
        edits = [PARAMETERS[name][:2] for name in self.names]
        return {"file": str(copy.parent / "defs" / "tiny" / "defs.yaml"), "edits": edits, "select": self.select}


def planned(names: list[str]) -> list[Real]:
    """The runs for these rows."""
    followed: set[tuple[str, ...]] = set()
    runs: list[Real] = []
    for name in names:
        computed = PARAMETERS[name][2] if name in PARAMETERS else ()
        if computed in followed and set(first(computed)) <= _COSTLY:
            runs.append(Real((name,), first(computed)))
        elif computed or name not in PARAMETERS:
            runs.append(Real((name,)))
        followed |= {computed} if computed else set()
    return runs + _at_once([name for name in names if name in PARAMETERS and not PARAMETERS[name][2]])


def first(computed: tuple[str, ...]) -> tuple[str, ...]:
    """What an edit computes for its own sake, and not because of what else it computes."""
    return tuple(asset for asset in computed if not MADE_FROM.get(asset, set[str]()) & set(computed))


def _at_once(names: list[str]) -> list[Real]:
    batches: dict[str, tuple[str, ...]] = {}  # {recipe with all their edits: parameters}
    for name in names:
        old, new, _ = PARAMETERS[name]
        text = next((text for text in batches if text.count(old) == 1), RECIPE)
        batches[text.replace(old, new)] = (*batches.pop(text, ()), name)
    return [Real(batch) for batch in batches.values()]


def _source(root: Path, module: str) -> Path:
    path = root.joinpath("compression_ops", *module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
