"""What is out of date and why. Imports neither torch, MLflow nor Dagster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from compression_ops.errors import DataError
from pipelines.execution import plan
from pipelines.execution.recording import postponed
from pipelines.graph import installed
from pipelines.graph.asset import GENERATION, Asset
from pipelines.graph.flatten import flatten
from pipelines.kinds import kind
from pipelines.observed import generation
from pipelines.observed.files import ObservedFiles
from pipelines.pipeline import Pipeline
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization

State = Literal["fresh", "stale", "missing"]
# The digest of files that are not on this machine: what was made from them stays what it is.
_NOT_HERE = "not on this machine"
_MANY, _NAMED = {"code": 3, "upstream": 6}, 3  # causes of these kinds beyond which a sentence counts them, naming three


@dataclass(frozen=True)
class Cause:
    """Why an asset is out of date.

    kind       `parameter`, `threshold` (of a gate), `code`, `inputs` (another set), `data` (raw files), `generation`
               (of seeds), `upstream`, `artifact` (lost), `never` (materialized), `gate` (an input did not pass it),
               `undone` (what it decided, by somebody), `machine` (a stand-in answered for a target)
    parameter  what changed: a path in the recipe, a module, an asset, a target
    """

    kind: str
    parameter: str
    before: Any = None
    after: Any = None

    def words(self) -> str:
        """The cause for a reader: `soft_labels.views 4 → 8`."""
        match self.kind:
            case "parameter" | "threshold":
                return f"{self.parameter} {_short(self.before)} → {_short(self.after)}"
            case "code":
                return f"code of {self.parameter} changed{installed.change(self.before, self.after)}"
            case "inputs":
                return f"input {self.parameter} {'added' if self.after else 'removed'}"
            case "data":
                changed = f"{self.parameter.replace('_', ' ')} changed"
                return f"{changed}: {self.after}" if self.before is None else changed
            case "generation":
                return f"new seeds were asked for: generation {self.before} → {self.after}"
            case "gate":
                return f"waits for {self.parameter}, which did not pass its gate"
            case "undone":
                return str(self.after)
            case "upstream":
                return f"upstream {self.parameter}"
            case "machine":
                return f"a stand-in answered for the target {self.parameter}, which runs on this machine now"
            case "artifact":
                return "its artifact is missing from the store"
            case _:
                return "never materialized"

    @property
    def is_bare(self) -> bool:
        """Whether its words tell no more than what changed, and may be counted: code, or upstream."""
        return self.kind in _MANY and not (self.kind == "code" and installed.change(self.before, self.after))

    def to_json(self) -> dict[str, Any]:
        """As `compression status --json` prints it."""
        return {"kind": self.kind, "parameter": self.parameter, "from": self.before, "to": self.after}


def in_words(causes: Sequence[Cause]) -> str:
    """The causes as one sentence; of many modules, or many inputs, the first few and how many more.

    The user's own modules are named before the product's, many of which change together in another release.
    """
    told: dict[tuple[str, str], str] = {}
    for cause in causes:
        alike = _alike(cause, causes)
        if not alike:
            told[cause.kind, cause.parameter] = cause.words()
        elif (cause.kind, "") not in told:
            told[cause.kind, ""] = _counted(cause.kind, sorted(alike, key=_is_product))
    return "; ".join(told.values())


def is_abridged(causes: Sequence[Cause]) -> bool:
    """Whether `in_words` names some of them by their number only."""
    return any(_alike(cause, causes) for cause in causes)


def _alike(cause: Cause, causes: Sequence[Cause]) -> list[str]:
    """What changed by all causes with which one is counted; nothing for one that is told by itself."""
    found = [other.parameter for other in causes if other.kind == cause.kind and other.is_bare]
    return found if cause.is_bare and len(found) > _MANY[cause.kind] else []


def _counted(kind: str, names: Sequence[str]) -> str:
    listed = f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return f"code of {len(names)} modules changed: {listed}" if kind == "code" else f"{kind} {listed}"


def _is_product(module: str) -> bool:
    return module.partition(".")[0] == "compression_ops"


@dataclass(frozen=True)
class AssetStatus:
    """An asset's state, the causes if it is not fresh, and its newest materialization.

    waits_for  what it is made from, however far, that is up to date but did not pass a gate that blocks
    notes      sentences about what cannot be seen from here
    """

    asset: str
    state: State
    causes: tuple[Cause, ...]
    entry: Materialization | None
    waits_for: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def is_due(self) -> bool:
        """Whether it is out of date and nothing stands in its way."""
        return self.state != "fresh" and not self.waits_for

    @property
    def is_judged_anew(self) -> bool:
        """Whether only thresholds changed: the result stays, and with it all that was made from it."""
        own = [cause.kind for cause in self.causes if cause.kind != "gate"]
        return bool(own) and set(own) == {"threshold"}


def of_recipe(name: str, is_here: bool = True) -> tuple[Pipeline, dict[str, AssetStatus]]:
    """The status of every asset of a recipe, in order of computation; `is_here`: whether this machine computes."""
    pipeline = Pipeline.open(name)
    return pipeline, of_pipeline(pipeline, is_here)


def of_pipeline(pipeline: Pipeline, is_here: bool = True) -> dict[str, AssetStatus]:
    """As `of_recipe`, for an open pipeline."""
    observed = _observed(pipeline)
    found: dict[str, AssetStatus] = {}
    for name, asset in pipeline.graph.assets.items():
        own = _of_asset(pipeline, asset, found, observed)
        if is_here and own.state == "fresh" and own.entry and (grown := plan.outgrown(asset, own.entry)):
            own = replace(own, state="stale", causes=tuple(Cause("machine", word) for word in grown))
        gates = {gate for known in asset.inputs if known in found for gate in _gates(found[known])}
        causes = own.causes if own.state == "fresh" else (*own.causes, *(Cause("gate", gate) for gate in sorted(gates)))
        unseen = [known.replace("_", " ") for known in asset.inputs if observed.get(known) == _NOT_HERE]
        notes = [f"{known} not on this machine; taken as it was" for known in unseen]
        if is_here and own.state == "fresh" and own.entry and plan.is_of_another_processor(asset, own.entry):
            notes.append("chosen by the clock of another processor")
        if own.entry is not None and own.entry.unrecorded is not None:
            notes.append(f"not in MLflow yet: `compression sync-lineage {pipeline.recipe}`")
        if own.state != "fresh" and postponed.is_asked(pipeline.home, pipeline.recipe, name):
            notes.append("waits for MLflow, in which it is decided")
        found[name] = replace(own, causes=causes, waits_for=frozenset(gates), notes=tuple(notes) if own.entry else ())
    return found


def undone(home: Home, recipe: str, name: str) -> str | None:
    """Why the effect of an asset's newest decision does not stand any more; None if it does, or is not known.

    Cheap enough for every tick of automation: an asset that decides is named as its kind.
    """
    own = kind.kinds().get(name)
    entry = History(home.history).latest(recipe, name) if own is not None and own.decide is not None else None
    if own is None or entry is None:
        return None
    folder = ArtifactStore(home.store_url, home.root / "cache").find(entry.artifact)
    return None if folder is None else own.undone(home, folder, entry)


def needs_files(pipeline: Pipeline) -> bool:
    """Whether what is out of date reads files that a recipe names: raw data, a teacher's weights."""
    statuses = of_pipeline(pipeline).values()
    due = [pipeline.graph.assets[each.asset] for each in statuses if each.state != "fresh"]
    return any(kind.files(name) for asset in due for name in asset.inputs)


def _gates(status: AssetStatus) -> frozenset[str]:
    """The asset and those above it that are up to date but did not pass a gate that blocks."""
    is_blocked = status.state == "fresh" and status.entry is not None and bool(status.entry.blocked)
    return status.waits_for | {status.asset} if is_blocked else status.waits_for


def _of_asset(
    pipeline: Pipeline, asset: Asset, found: Mapping[str, AssetStatus], observed: Mapping[str, str | None]
) -> AssetStatus:
    name = asset.name
    entry = pipeline.latest(name)
    if entry is None:
        return AssetStatus(name, "missing", (Cause("never", name),), None)
    causes = tuple(_causes(pipeline, asset, entry, found, observed))
    if not causes and entry.derivation != pipeline.graph.derivations[name]:
        # An input was made in another way with the same result; Dagster asks for a materialization that says so.
        causes = tuple(Cause("upstream", upstream) for upstream in _made_otherwise(pipeline, asset, entry))
    if causes:
        return AssetStatus(name, "stale", causes, entry)
    if not pipeline.store.looks_whole(entry.artifact):
        return AssetStatus(name, "missing", (Cause("artifact", name),), entry)
    own = kind.named(asset.kind)
    if own.decide is not None:
        folder = pipeline.store.find(entry.artifact)
        if folder is None:
            return AssetStatus(name, "missing", (Cause("artifact", name),), entry)
        undone = own.undone(pipeline.home, folder, entry)
        if undone is not None:
            return AssetStatus(name, "stale", (Cause("undone", name, after=undone),), entry)
    return AssetStatus(name, "fresh", (), entry)


def _made_otherwise(pipeline: Pipeline, asset: Asset, entry: Materialization) -> Iterator[str]:
    """The inputs whose derivation is not the one that they had when they were loaded."""
    for name in asset.inputs:
        if entry.inputs[name].derivation != pipeline.graph.derivations.get(name):
            yield name


def _causes(
    pipeline: Pipeline,
    asset: Asset,
    entry: Materialization,
    upstream: Mapping[str, AssetStatus],
    observed: Mapping[str, str | None],
) -> Iterator[Cause]:
    yield from _changed_gates(asset, entry)
    if entry.derivation != pipeline.graph.derivations[asset.name]:
        yield from _changed_parameters(asset, entry)
        yield from _changed_code(asset, entry)
        yield from (Cause("inputs", name, after=name) for name in asset.inputs if name not in entry.inputs)
        yield from (Cause("inputs", name, before=name) for name in entry.inputs if name not in asset.inputs)
    for name in asset.inputs:
        if name not in entry.inputs:
            continue
        if name in observed and name != GENERATION:
            now, before = observed[name], entry.inputs[name].digest
            if now not in (before, _NOT_HERE):
                yield Cause("data", name, before if now else None, now or "the files cannot be read")
        elif name == GENERATION:
            if observed[name] != entry.inputs[name].digest:
                yield Cause("generation", name, entry.inputs[name].digest, observed[name])
        elif _will_change(upstream[name]):
            yield Cause("upstream", name)
        elif (current := upstream[name].entry) is not None and current.digest != entry.inputs[name].digest:
            yield Cause("upstream", name, entry.inputs[name].digest, current.digest)


def _will_change(status: AssetStatus) -> bool:
    return status.entry is None or (status.state == "stale" and not status.is_judged_anew)


def _changed_parameters(asset: Asset, entry: Materialization) -> Iterator[Cause]:
    before, after = flatten(entry.parameters), flatten(asset.values)
    for name in sorted(set(before) | set(after)):
        if before.get(name) != after.get(name):
            yield Cause("parameter", asset.recipe_path(name), before.get(name), after.get(name))


def _changed_gates(asset: Asset, entry: Materialization) -> Iterator[Cause]:
    for path, threshold in asset.gates.items():
        if path not in entry.gates or entry.gates[path] != threshold:
            yield Cause("threshold", path, entry.gates.get(path), threshold)


def _changed_code(asset: Asset, entry: Materialization) -> Iterator[Cause]:
    for module in sorted(set(entry.code) | set(asset.code_digests)):
        if entry.code.get(module) != asset.code_digests.get(module):
            yield Cause("code", module, entry.code.get(module), asset.code_digests.get(module))


def _observed(pipeline: Pipeline) -> dict[str, str | None]:
    """The digests of what is observed, as it is now; None for files that cannot be read."""
    found: dict[str, str | None] = {GENERATION: str(generation.current(pipeline.home, pipeline.recipe))}
    for name in dict.fromkeys(name for asset in pipeline.graph.assets.values() for name in asset.inputs):
        if (files := kind.files(name)) is not None:
            found[name] = _digest(pipeline, files)
    return found


def _digest(pipeline: Pipeline, files: ObservedFiles) -> str | None:
    try:
        root = files.locate(pipeline.file, pipeline.home)
        return _NOT_HERE if root is None else files.digest(pipeline.file, pipeline.home, root)
    except (OSError, ValueError, DataError):
        return None  # the stage says what is wrong with the files


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
