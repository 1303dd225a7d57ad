"""A model that a user names: by its asset, `champion`, a digest or an MLflow run, found in any history of the home."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from compression_ops.errors import CompressionError
from pipelines.kinds import kind
from pipelines.lineage.names import CHAMPION
from pipelines.pipeline import Pipeline
from pipelines.recipe.error import nearest
from pipelines.state.artifacts import ArtifactUnavailable
from pipelines.state.materialization import Materialization

_SHORTEST, _SHOWN = 4, 12  # characters of a prefix; of a digest where it is shown
_HEX = re.compile("[0-9a-f]+")


@dataclass(frozen=True)
class Found:
    """A model that was found.

    asset, recipe  what it is, in which recipe
    digest         of its content
    folder         with `model.onnx` or a saved network
    entry          its computation; None where no history here knows it, as of another home's champion
    """

    asset: str
    recipe: str
    digest: str
    folder: Path
    entry: Materialization | None

    @property
    def words(self) -> str:
        """`student/small of digits, digest 0123456789ab, run 01234567, made 2026-01-02 03:04`."""
        told = f"{self.asset} of {self.recipe}, digest {self.digest[:_SHOWN]}"
        return told if self.entry is None else f"{told}, {_made(self.entry)}"


def find(pipeline: Pipeline, asked: str) -> Found:
    """The model that `asked` names: an asset with a history in the recipe, `champion`, or the beginning of a content
    digest, of an artifact's id or of an MLflow run's id.

    Raises CompressionError for what is not there, holds no model, is ambiguous, or is lost from the store.
    """
    if asked == CHAMPION:
        return _champion(pipeline)
    entry = pipeline.latest(asked) if _is_name(asked) else None
    if entry is None and asked in pipeline.graph.assets:
        raise CompressionError(_never_made(pipeline, asked))
    if entry is not None:
        _require_model(pipeline, [entry], asked)
        return _fetched(pipeline, [entry], f"run `compression run {pipeline.recipe} --select {asked}` to make it again")
    if not _HEX.fullmatch(asked):
        raise CompressionError(_unknown(pipeline, asked))
    return _of_prefix(pipeline, asked)


def _is_name(asked: str) -> bool:
    """Whether it can be an asset's name, which a path out of the histories' folder cannot."""
    return bool(asked) and not {"", ".", ".."} & set(asked.split("/"))


def _champion(pipeline: Pipeline) -> Found:
    from pipelines.commands import champion

    version, folder = champion.in_use(pipeline.home, pipeline.recipe)
    known = (each for each in _entries(pipeline) if each.digest == version.digest and each.model_id is not None)
    return Found(version.asset, pipeline.recipe, version.digest, folder, next(known, None))


def _of_prefix(pipeline: Pipeline, prefix: str) -> Found:
    if len(prefix) < _SHORTEST:
        raise CompressionError(
            f"{prefix!r} is too short for the beginning of a digest or of an MLflow run's id\n"
            f"  allowed: at least {_SHORTEST} of its characters, or an asset: {_models(pipeline)}"
        )
    every = list(_entries(pipeline))
    known = [each for each in every if any(id.startswith(prefix) for id in (each.digest, each.artifact, each.run_id))]
    known = known or _of_run(pipeline, prefix, every)
    if not known:
        raise CompressionError(_unknown(pipeline, prefix))
    _require_model(pipeline, known, prefix)
    models = [entry for entry in known if entry.model_id is not None]
    by_digest = {entry.digest: entry for entry in models}
    if len(by_digest) > 1:
        listed = "\n  ".join(f"{each.asset} of {each.recipe}, {_ids(each)}" for each in by_digest.values())
        raise CompressionError(f"{prefix} begins {len(by_digest)} models\n  {listed}\n  write more of the one you mean")
    first = models[0]
    return _fetched(
        pipeline,
        models,
        f"it is made again by `compression run {first.recipe}` with the parameters that it had; `compression lineage "
        f"{first.recipe} --run-id {first.run_id}` tells them",
    )


def _of_run(pipeline: Pipeline, run_id: str, every: Iterable[Materialization]) -> list[Materialization]:
    """What a whole id of a run names that only MLflow knows: by the digest that the run noted."""
    from pipelines.lineage.query import LineageQuery

    query = LineageQuery(pipeline.home)
    if len(run_id) != 32 or not query.knows(run_id):
        return []
    node = query.backward(run_id)
    known = [entry for entry in every if entry.digest == node.digest]
    if not known:
        raise CompressionError(
            f"MLflow's run {run_id} made {node.asset} of {node.recipe or 'no recipe'}, but no artifact of its digest "
            "is in this home's histories\n  set COMPRESSION_HOME, or COMPRESSION_STORE, to where it was made"
        )
    return known


def _entries(pipeline: Pipeline) -> Iterable[Materialization]:
    """What was made: of all recipes, and of searches by what the store knows; the newest first."""
    every = [*pipeline.history.all(), *pipeline.actions.entries()]
    return sorted(every, key=lambda entry: -entry.time)


def _fetched(pipeline: Pipeline, entries: Iterable[Materialization], cure: str) -> Found:
    """The first that the store has."""
    faults: list[str] = []
    for entry in {each.artifact: each for each in entries}.values():
        try:
            folder = pipeline.store.fetch(entry.artifact)
        except ArtifactUnavailable as fault:
            faults.append(f"{entry.asset} of {entry.recipe}: {fault}")
        else:
            return Found(entry.asset, entry.recipe, entry.digest, folder, entry)
    raise CompressionError(f"{faults[0]}\n  {cure}")


def _require_model(pipeline: Pipeline, entries: Iterable[Materialization], asked: str) -> None:
    found = list(entries)
    if all(entry.model_id is None for entry in found):
        what = "" if found[0].asset == asked else f" is {found[0].asset} of {found[0].recipe}, which"
        raise CompressionError(f"{asked}{what} holds no model\n  allowed: {_models(pipeline)}")


def _never_made(pipeline: Pipeline, name: str) -> str:
    if not kind.named(pipeline.graph.assets[name].kind).is_model:
        return f"{name} holds no model\n  allowed: {_models(pipeline)}"
    return f"{name} was never computed\n  run `compression run {pipeline.recipe} --select {name}` first"


def _unknown(pipeline: Pipeline, asked: str) -> str:
    close = nearest(asked, list(pipeline.graph.assets))
    return (
        f"recipe {pipeline.recipe!r} has no asset {asked!r}, and no digest or MLflow run here begins with it\n"
        f"  allowed: {_models(pipeline)}, or the beginning of an id: `compression lineage {pipeline.recipe}` tells them"
        + (f"\n  did you mean `{close}`?" if close else "")
    )


def _models(pipeline: Pipeline) -> str:
    names = [name for name, asset in pipeline.graph.assets.items() if kind.named(asset.kind).is_model]
    return ", ".join([*names, CHAMPION])


def _ids(entry: Materialization) -> str:
    return f"digest {entry.digest[:_SHOWN]}, {_made(entry)}"


def _made(entry: Materialization) -> str:
    when = datetime.fromtimestamp(entry.time).astimezone().strftime("%Y-%m-%d %H:%M")
    return f"run {entry.run_id[:8]}, made {when}"
