"""Materializes one asset: plan, load, reuse or compute, judge, append.

The order of the writes is what makes a killed run harmless: artifact, MLflow run, action, history. Each is whole or
absent, and whatever is absent is computed again.
"""

import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compression_ops.stages.stage import StageResult
from pipelines.execution import augmentation, device, dry_run, garbage_collector, inputs, judge, progress
from pipelines.execution.log import Log, reporter
from pipelines.execution.plan import plan
from pipelines.execution.side_by_side import ahead
from pipelines.execution.side_by_side.ahead import Computed
from pipelines.execution.stage import check_nothing_changed, compute
from pipelines.graph.asset import Asset
from pipelines.kinds import kind
from pipelines.kinds.decision import Circumstances, Decision
from pipelines.pipeline import Pipeline
from pipelines.state import scratch
from pipelines.state.action import Action
from pipelines.state.artifacts import Artifact, ArtifactUnavailable
from pipelines.state.materialization import Materialization, Source

if TYPE_CHECKING:
    from pipelines.lineage.query import Node
    from pipelines.lineage.runs import Computation, Lineage


@dataclass(frozen=True)
class Run:
    """The run that an asset is materialized in.

    dagster_id  Dagster's id of it
    assets      all that it materializes: trainings among them may begin before their turn
    awaited     those of them that somebody waits for: where a network is trained, the networks that are made from it
                are tried first, on a few samples
    """

    dagster_id: str = ""
    assets: Collection[str] = ()
    awaited: Collection[str] = ()


_ALONE = Run()


def materialize(pipeline: Pipeline, name: str, log: Log, run: Run = _ALONE) -> Materialization:
    """Materialize one asset from the latest materializations of its inputs; returns the new entry of its history.

    Raises CompressionError if an input was never materialized, or what the stage raises.
    """
    asset = pipeline.graph.assets[name]
    progress.report(progress.Started(name))
    started = time.monotonic()
    try:
        loaded = inputs.load(pipeline, asset, log, lambda lost: materialize(pipeline, lost, log, Run(run.dagster_id)))
        action = plan(asset, loaded)
        with scratch.turn(pipeline.home.running, action.key, lambda: log(f"{name}: another process is at it; waiting")):
            result = _result(pipeline, action, log, run)
        entry = judge.judged(pipeline, asset, result)
    except BaseException:
        progress.report(progress.Ended(name, "failed", time.monotonic() - started))
        raise
    pipeline.history.append(entry)
    outcome = "failed" if entry.blocked else "computed" if entry.computed else "reused"
    progress.report(progress.Ended(name, outcome, time.monotonic() - started))
    return entry


def _result(pipeline: Pipeline, action: Action, log: Log, run: Run) -> Materialization:
    """The known result of an action, or a computed one. What a decision is known by is not its inputs alone."""
    decide = kind.named(action.asset.kind).decide
    decision = decide(Circumstances(pipeline.home, pipeline.graph, pipeline.history, action)) if decide else None
    if decision is not None:
        action = replace(action, key=decision.key())
    known = _reuse(pipeline, action, log)
    if known is not None:
        return known
    where, dataset = device.chosen(), action.inputs.folders.get("dataset")
    augmentation.check(pipeline, action.asset, dataset, run.awaited)
    tried = dry_run.check(pipeline, action.asset, dataset, run.awaited, where, log)
    warnings = (*action.asset.code_warnings, *tried)
    return _compute(_Task(pipeline, action, log, run, warnings, where), decision)


@dataclass(frozen=True)
class _Task:
    """A computation: whose words go to `log`, in which run, what a user should read beforehand, and on which device it
    may compute.
    """

    pipeline: Pipeline
    action: Action
    log: Log
    run: Run
    warnings: tuple[str, ...]
    device: str


def _reuse(pipeline: Pipeline, action: Action, log: Log) -> Materialization | None:
    asset = action.asset
    known = pipeline.actions.get(action.key)
    if known is None:
        return None
    try:
        pipeline.store.fetch(known.artifact)
    except ArtifactUnavailable as fault:
        log(f"{asset.name}: {fault}; computing it again")
        return None
    log(f"{asset.name}: this computation is known (MLflow run {known.run_id}); reusing its result")
    return replace(
        known,
        recipe=pipeline.recipe,
        asset=asset.name,
        time=time.time(),
        derivation=pipeline.graph.derivations[asset.name],
        parameters=asset.values,
        inputs=action.inputs.sources,
        computed=False,
    )


@dataclass(frozen=True)
class _Made:
    """What a stage made, stored and recorded."""

    stage: StageResult
    artifact: Artifact
    model_id: str | None
    seconds: float


def _compute(task: _Task, decision: Decision | None) -> Materialization:
    from pipelines.lineage import description, runs  # imports mlflow, which a run that reuses everything can spare

    pipeline, asset, sources = task.pipeline, task.action.asset, task.action.inputs.sources
    summary = description.summary(pipeline.file.recipe)
    lineage = runs.of_recipe(pipeline.home, pipeline.home.tracking_uri, pipeline.recipe, summary)
    garbage_collector.freeze_imports()
    ancestry = lineage.ancestry(sources, _history(pipeline, asset))
    known = lineage.known(sources)
    if decision is not None:
        task = replace(task, action=replace(decision.prepared(), key=task.action.key))
    computation = _computation(task, known, ancestry)
    run_id = lineage.start(computation)
    try:
        made = _run_stage(task, lineage, computation, run_id)
        if decision is not None:
            folder = pipeline.store.fetch(made.artifact.id)
            task.log(decision.carry_out(folder, known, lineage.experiment_id, run_id))
            task = replace(task, action=replace(task.action, key=decision.key()))  # asked again, it has this answer
        lineage.end(run_id)
    except BaseException as error:
        lineage.fail(run_id, error)
        raise
    for warning in made.stage.warnings:
        task.log(f"{asset.name}: warning: {warning}")
    entry = _entry(task, made, lineage.experiment_id, run_id)
    pipeline.actions.put(entry)
    return entry


def _history(pipeline: Pipeline, asset: Asset) -> list[Materialization]:
    """The newest entries of an asset and of all that it is made from."""
    return [entry for name in pipeline.graph.upstream(asset.name) if (entry := pipeline.latest(name))]


def _computation(task: _Task, sources: Mapping[str, Source], ancestry: "tuple[Node, ...]") -> "Computation":
    from pipelines.lineage import runs

    pipeline, action = task.pipeline, task.action
    own = kind.named(action.asset.kind)
    return runs.Computation(
        recipe=pipeline.recipe,
        asset=action.asset,
        parameters=action.parameters.model_dump(mode="json"),
        derivation=pipeline.graph.derivations[action.asset.name],
        action=action.key,
        sources=sources,
        dagster_run_id=task.run.dagster_id,
        is_model=own.is_model,
        is_evaluation=own.is_evaluation,
        reads_test=own.reads_test,
        made_from=ancestry,
        last=pipeline.latest(action.asset.name),
    )


def _run_stage(task: _Task, lineage: "Lineage", computation: "Computation", run_id: str) -> _Made:
    pipeline, action = task.pipeline, task.action
    with _computed(task) as made:
        stage = replace(made.result, warnings=tuple(dict.fromkeys((*task.warnings, *made.result.warnings))))
        check_nothing_changed(pipeline, action)
        artifact = pipeline.store.put(made.output, stage.volatile)
    folder = pipeline.store.fetch(artifact.id)
    model_id = lineage.record(run_id, computation, stage, folder, artifact.digest)
    return _Made(stage, artifact, model_id, made.seconds)


@contextmanager
def _computed(task: _Task) -> Generator[Computed]:
    """What another process began before its turn, or what is computed here and now."""
    with ahead.computed(task.action, task.log) as elsewhere:
        if elsewhere is not None:
            yield elsewhere
            return
    ahead.begin(task.pipeline, task.action, task.run.assets, task.device, task.log)
    with scratch.folder(task.pipeline.home.running) as output:
        started = time.monotonic()
        result = compute(task.action, output, reporter(task.action.asset, task.log), task.device)
        yield Computed(result, output, time.monotonic() - started)


def _entry(task: _Task, made: _Made, experiment_id: str, run_id: str) -> Materialization:
    from pipelines.lineage import environment

    pipeline, action, asset = task.pipeline, task.action, task.action.asset
    return Materialization(
        recipe=pipeline.recipe,
        asset=asset.name,
        time=time.time(),
        derivation=pipeline.graph.derivations[asset.name],
        parameters=asset.values,
        code=asset.code_digests,
        inputs=action.inputs.sources,
        action=action.key,
        artifact=made.artifact.id,
        digest=made.artifact.digest,
        experiment_id=experiment_id,
        run_id=run_id,
        model_id=made.model_id,
        computed=True,
        seconds=made.seconds,
        metrics=dict(made.stage.metrics),
        warnings=made.stage.warnings,
        made_on=environment.made_on(made.stage),
    )
