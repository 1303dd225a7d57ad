"""What differs between a computation and the last result of the same asset, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.graph import installed
from pipelines.graph.asset import GENERATION, Asset
from pipelines.graph.flatten import flatten
from pipelines.lineage import markdown
from pipelines.state.materialization import Materialization, Source

_LISTED = 12  # lines of one sort; a reader looks at no more
_VALUE = 60  # characters of a value


def since(previous: Materialization, asset: Asset, sources: Mapping[str, Source]) -> list[str]:
    """Markdown, one change each: parameters (old → new, under their path in the recipe), code, inputs.

    Empty if it is the same computation once more, as after its artifact was lost.
    """
    return [
        *_few("parameters", _parameters(previous.parameters, asset)),
        *_few("modules", _code(previous.code, asset.code_digests)),
        *_few("inputs", _inputs(previous.inputs, sources)),
    ]


def _parameters(before: Mapping[str, Any], asset: Asset) -> Iterator[str]:
    old, new = flatten(before), flatten(asset.values)
    for name in sorted(set(old) | set(new)):
        if old.get(name) != new.get(name):
            path = markdown.code(asset.recipe_path(name))
            yield f"{path} {_value(old.get(name))} → {_value(new.get(name))}"


def _code(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for module in sorted(set(before) | set(after)):
        if before.get(module) != after.get(module):
            versions = installed.change(before.get(module), after.get(module))
            yield f"code of `{module}` {_verb(module in before, module in after)}{versions}"


def _inputs(before: Mapping[str, Source], after: Mapping[str, Source]) -> Iterator[str]:
    for name in [*after, *(name for name in before if name not in after)]:
        if name not in before or name not in after:
            yield f"input {markdown.name(name)} {_verb(name in before, name in after)}"
        elif before[name].digest != after[name].digest:
            kept = None if name == GENERATION else 12
            yield f"input {markdown.name(name)} `{before[name].digest[:kept]}` → `{after[name].digest[:kept]}`"


def _few(what: str, found: Iterator[str]) -> list[str]:
    lines = list(found)
    rest = len(lines) - _LISTED
    return [*lines[:_LISTED], f"{rest} more {what}"] if rest > 0 else lines


def _verb(was: bool, is_now: bool) -> str:
    return "changed" if was and is_now else "added" if is_now else "removed"


def _value(value: Any) -> str:
    text = str(value)
    return "nothing" if value is None else markdown.code(text if len(text) <= _VALUE else text[: _VALUE - 3] + "...")
