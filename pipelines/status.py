"""What is out of date and why. Imports neither torch, MLflow nor Dagster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from compression_ops.errors import DataError
from pipelines import graph, home, materialize, raw_data, recipe_file
from pipelines.graph import RAW_DATA, Asset
from pipelines.history import Materialization
from pipelines.parameters import flatten

State = Literal["fresh", "stale", "missing"]


@dataclass(frozen=True)
class Cause:
    """Why an asset is out of date.

    kind       `parameter`, `code`, `inputs` (another set of inputs), `data` (raw files), `upstream`, `artifact` (lost),
               `never` (materialized)
    parameter  what changed: a path in the recipe, a module, an asset
    """

    kind: str
    parameter: str
    before: Any = None
    after: Any = None

    def words(self) -> str:
        """The cause for a reader: `soft_labels.views 4 → 8`."""
        match self.kind:
            case "parameter":
                return f"{self.parameter} {_short(self.before)} → {_short(self.after)}"
            case "code":
                return f"code of {self.parameter} changed"
            case "inputs":
                return f"input {self.parameter} {'added' if self.after else 'removed'}"
            case "data":
                return f"raw data changed: {self.after}" if self.before is None else "raw data changed"
            case "upstream":
                return f"upstream {self.parameter}"
            case "artifact":
                return "its artifact is missing from the store"
            case _:
                return "never materialized"

    def to_json(self) -> dict[str, Any]:
        """As `compression status --json` prints it."""
        return {"kind": self.kind, "parameter": self.parameter, "from": self.before, "to": self.after}


@dataclass(frozen=True)
class AssetStatus:
    """An asset's state, the causes if it is not fresh, and its newest materialization."""

    asset: str
    state: State
    causes: tuple[Cause, ...]
    entry: Materialization | None


def of_recipe(name: str) -> tuple[materialize.Workshop, dict[str, AssetStatus]]:
    """The status of every asset of a recipe, in order of computation."""
    file = recipe_file.load(name)
    shop = materialize.workshop(file, graph.build(file.name, file.recipe), home.current())
    return shop, of_workshop(shop)


def of_workshop(shop: materialize.Workshop) -> dict[str, AssetStatus]:
    """As `of_recipe`, for an open workshop."""
    raw = _raw_digest(shop)
    found: dict[str, AssetStatus] = {}
    for name, asset in shop.graph.assets.items():
        entry = shop.history.latest(shop.graph.recipe, name)
        if entry is None:
            found[name] = AssetStatus(name, "missing", (Cause("never", name),), None)
            continue
        causes = tuple(_causes(shop, asset, entry, found, raw))
        if not causes and entry.derivation != shop.graph.derivations[name]:
            # An input was made in another way with the same result; Dagster asks for a materialization that says so.
            causes = tuple(Cause("upstream", upstream) for upstream in asset.inputs[-1:])
        if causes:
            found[name] = AssetStatus(name, "stale", causes, entry)
        elif not shop.store.contains(entry.artifact):
            found[name] = AssetStatus(name, "missing", (Cause("artifact", name),), entry)
        else:
            found[name] = AssetStatus(name, "fresh", (), entry)
    return found


def _causes(
    shop: materialize.Workshop,
    asset: Asset,
    entry: Materialization,
    upstream: Mapping[str, AssetStatus],
    raw: str | None,
) -> Iterator[Cause]:
    if entry.derivation != shop.graph.derivations[asset.name]:
        yield from _changed_parameters(asset, entry)
        yield from _changed_code(asset, entry)
        yield from (Cause("inputs", name, after=name) for name in asset.inputs if name not in entry.inputs)
        yield from (Cause("inputs", name, before=name) for name in entry.inputs if name not in asset.inputs)
    for name in asset.inputs:
        if name not in entry.inputs:
            continue
        if name == RAW_DATA:
            if raw != entry.inputs[name].digest:
                yield Cause("data", name, entry.inputs[name].digest if raw else None, raw or "the files are gone")
        elif upstream[name].state == "stale" or _is_never(upstream[name]):
            yield Cause("upstream", name)
        elif (current := upstream[name].entry) is not None and current.digest != entry.inputs[name].digest:
            yield Cause("upstream", name, entry.inputs[name].digest, current.digest)


def _is_never(status: AssetStatus) -> bool:
    return status.entry is None


def _changed_parameters(asset: Asset, entry: Materialization) -> Iterator[Cause]:
    before, after = flatten(entry.parameters), flatten(asset.parameters)
    for name in sorted(set(before) | set(after)):
        if before.get(name) != after.get(name):
            yield Cause("parameter", asset.recipe_path(name), before.get(name), after.get(name))


def _changed_code(asset: Asset, entry: Materialization) -> Iterator[Cause]:
    for module in sorted(set(entry.code) | set(asset.code_digests)):
        if entry.code.get(module) != asset.code_digests.get(module):
            yield Cause("code", module, entry.code.get(module), asset.code_digests.get(module))


def _raw_digest(shop: materialize.Workshop) -> str | None:
    root = raw_data.locate(shop.recipe_file, shop.home)
    if root is None:
        return None
    try:
        return raw_data.digest(shop.recipe_file, shop.home, root)
    except (OSError, DataError):
        return None  # the stage says what is wrong with the files


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
