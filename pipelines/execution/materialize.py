"""Materializes one asset: plan, load, reuse or compute, judge, append.

The order of the writes is what makes a killed run harmless: artifact, MLflow run, action, history. Each is whole or
absent, and whatever is absent is computed again. What was decided is carried out between action and history. Where
MLflow is out of reach its run is absent, and made later from the history; what is decided in MLflow waits.
"""

import time
from collections.abc import Callable, Collection, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from compression_ops.stages.stage import StageResult
from pipelines.execution import augmentation, device, dry_run, garbage_collector, inputs, judge, progress
from pipelines.execution.log import Log, reporter
from pipelines.execution.plan import plan
from pipelines.execution.recording import later, outage, postponed
from pipelines.execution.recording.postponed import Postponed
from pipelines.execution.recording.recorder import Recorder
from pipelines.execution.side_by_side import ahead, share
from pipelines.execution.side_by_side.ahead import Computed
from pipelines.execution.stage import check_nothing_changed, compute
from pipelines.graph.asset import Asset
from pipelines.kinds import kind
from pipelines.kinds.decision import Answer, Circumstances, Decision
from pipelines.pipeline import Pipeline
from pipelines.state import ownership, scratch
from pipelines.state.actions.action import Action
from pipelines.state.artifacts import Artifact, ArtifactUnavailable
from pipelines.state.journal import reading
from pipelines.state.materialization import Materialization


def _wanted() -> None:
    pass


@dataclass(frozen=True)
class Run:
    """The run that an asset is materialized in.

    dagster_id  Dagster's id of it
    assets      all that it materializes: trainings among them may begin before their turn
    awaited     those of them that somebody waits for: where a network is trained, the networks that are made from it
                are tried first, on a few samples
    is_alone    whether this process computes all of them; otherwise others compute some meanwhile, here or elsewhere
    parent      the run of MLflow's below which those of its computations are shown; empty for none
    confirm     called before a result is recorded; raises where nobody wants it any more
    """

    dagster_id: str = ""
    assets: Collection[str] = ()
    awaited: Collection[str] = ()
    is_alone: bool = True
    parent: str = ""
    confirm: Callable[[], None] = _wanted

    def of_one(self) -> "Run":
        """The same run for an asset that it was not asked for."""
        return replace(self, assets=(), awaited=())


_ALONE = Run()


def materialize(pipeline: Pipeline, name: str, log: Log, run: Run = _ALONE) -> Materialization:
    """Materialize one asset from the latest materializations of its inputs; returns the new entry of its history.

    Raises CompressionError if an input was never materialized, Postponed if it decides in MLflow, which is out of
    reach, or what the stage raises.
    """
    asset = pipeline.graph.assets[name]
    progress.report(progress.Started(name))
    started = time.monotonic()
    try:
        _catch_up(pipeline, asset, log)
        loaded = inputs.load(pipeline, asset, log, lambda lost: materialize(pipeline, lost, log, run.of_one()))
        action = plan(asset, loaded)
        with _turn(pipeline, action, log):
            result = _result(pipeline, action, log, run)
        entry = judge.judged(pipeline, asset, result)
        run.confirm()
    except Postponed:
        progress.report(progress.Ended(name, "skipped", time.monotonic() - started))
        raise
    except BaseException as error:
        outcome = "pruned" if isinstance(error, progress.Pruned) else "failed"
        progress.report(progress.Ended(name, outcome, time.monotonic() - started))
        raise
    pipeline.history.append(entry)
    outcome = "failed" if entry.blocked else "computed" if entry.computed else "reused"
    progress.report(progress.Ended(name, outcome, time.monotonic() - started))
    return entry


@contextmanager
def _turn(pipeline: Pipeline, action: Action, log: Log) -> Generator[None]:
    """One process at a time for an action; what it reads stays for whoever waits, too."""

    def wait() -> None:
        reads.enter_context(reading.named(pipeline.home.journal, action.inputs.sources.values()))
        progress.report(progress.Waiting(action.asset.name))
        log(f"{action.asset.name}: another process is at it; waiting")

    with ExitStack() as reads, pipeline.home.journal.turn(action.key, wait):
        yield


def _catch_up(pipeline: Pipeline, asset: Asset, log: Log) -> None:
    """Tell MLflow, where it is back, of what the asset is made from: then its own run leads there."""
    if not later.waiting(pipeline.history, pipeline.recipe, pipeline.graph.upstream(asset.name)):
        return
    try:
        later.of(pipeline).unrecorded(pipeline.recipe)
    except outage.Outage as fault:
        log(f"{asset.name}: MLflow is not told yet of what it is made from: {fault}")


def _result(pipeline: Pipeline, action: Action, log: Log, run: Run) -> Materialization:
    """The known result of an action, or a computed one. What a decision is known by is not its inputs alone."""
    decide = kind.named(action.asset.kind).decide
    if decide is None:
        return _known_or_computed(pipeline, action, None, log, run)
    try:
        with outage.noticed(pipeline.home.tracking_uri):
            decision = decide(Circumstances(pipeline.home, pipeline.graph, pipeline.history, action))
            action = replace(action, key=decision.key())
        found = _known_or_computed(pipeline, action, decision, log, run)
    except outage.Refused:
        raise
    except outage.Outage as fault:
        postponed.note(pipeline.home, pipeline.recipe, action.asset.name)
        raise Postponed(f"{action.asset.name} is decided in MLflow, and waits for it: {fault}") from fault
    postponed.forget(pipeline.home, pipeline.recipe, action.asset.name)
    return found


def _known_or_computed(
    pipeline: Pipeline, action: Action, decision: Decision | None, log: Log, run: Run
) -> Materialization:
    known = _reuse(pipeline, action, log)
    if known is not None:
        ahead.drop(action)
        return known
    with reading.named(pipeline.home.journal, action.inputs.sources.values()):
        where, dataset = device.chosen(), action.inputs.folders.get("dataset")
        augmentation.check(pipeline, action.asset, dataset, run.awaited)
        tried = dry_run.check(pipeline, action.asset, dataset, run.awaited, where, log)
        warnings = (*action.asset.code_warnings, *tried)
        with share.taken(pipeline, action, where, run.is_alone, log):
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
    where = f"MLflow run {known.run_id}" if known.unrecorded is None else "not in MLflow yet"
    log(f"{asset.name}: this computation is known ({where}); reusing its result")
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
    """What a stage made, stored."""

    stage: StageResult
    artifact: Artifact
    seconds: float


def _compute(task: _Task, decision: Decision | None) -> Materialization:
    pipeline, asset = task.pipeline, task.action.asset
    garbage_collector.freeze_imports()
    if decision is not None:
        with outage.noticed(pipeline.home.tracking_uri):
            task = replace(task, action=replace(decision.prepared(), key=task.action.key))
    run, is_required = task.run, decision is not None
    recorder = Recorder(pipeline, task.action, run.dagster_id, task.log, is_required, run.parent)
    recorder.begin()
    try:
        made = _run_stage(task, recorder)
        answer = None if decision is None else _answer(task, decision, made, recorder)
        if answer is not None:
            task = replace(task, action=replace(task.action, key=answer.key))  # asked again, it has this answer
        recorder.end()
        entry = recorder.complete(_entry(task, made))
        pipeline.actions.put(entry)
        if answer is not None:
            with outage.noticed(pipeline.home.tracking_uri):
                answer.commit()
            task.log(answer.words)
    except BaseException as error:
        recorder.fail(error)
        raise
    for warning in made.stage.warnings:
        task.log(f"{asset.name}: warning: {warning}")
    return entry


def _answer(task: _Task, decision: Decision, made: _Made, recorder: Recorder) -> Answer:
    folder = task.pipeline.store.fetch(made.artifact.id)
    with outage.noticed(task.pipeline.home.tracking_uri):
        return decision.answer(folder, recorder.known, recorder.experiment_id, recorder.run_id)


def _run_stage(task: _Task, recorder: Recorder) -> _Made:
    pipeline, action = task.pipeline, task.action
    with _computed(task) as made:
        stage = replace(made.result, warnings=tuple(dict.fromkeys((*task.warnings, *made.result.warnings))))
        check_nothing_changed(pipeline, action)
        ownership.claim(pipeline.home, pipeline.store)
        artifact = pipeline.store.put(made.output, stage.volatile)
    recorder.record(stage, pipeline.store.fetch(artifact.id), artifact.digest)
    return _Made(stage, artifact, made.seconds)


@contextmanager
def _computed(task: _Task) -> Generator[Computed]:
    """What another process began before its turn, or what is computed here and now."""
    if task.run.is_alone:
        with ahead.computed(task.action, task.log) as elsewhere:
            if elsewhere is not None:
                yield elsewhere
                return
        ahead.begin(task.pipeline, task.action, task.run.assets, task.device, task.log)
    with scratch.folder(task.pipeline.home.running) as output:
        started = time.monotonic()
        with dry_run.graphs_kept(task.pipeline, task.action.asset):
            result = compute(task.action, output, reporter(task.action.asset, task.log), task.device)
        yield Computed(result, output, time.monotonic() - started)


def _entry(task: _Task, made: _Made) -> Materialization:
    """What was made, before MLflow's ids are known."""
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
        experiment_id="",
        run_id="",
        model_id=None,
        computed=True,
        seconds=made.seconds,
        metrics=dict(made.stage.metrics),
        warnings=made.stage.warnings,
        made_on=environment.made_on(made.stage),
    )
