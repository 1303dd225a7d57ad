"""A recipe's graph as Dagster assets: code versions are derivations and gates, data versions are content digests."""

import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import dagster as dg

from compression_ops.errors import CompressionError
from compression_ops.progress import silent
from pipelines.execution import idle_threads, materialize
from pipelines.execution.recording.postponed import Postponed
from pipelines.graph.asset import OBSERVED, Asset
from pipelines.kinds import kind
from pipelines.kinds.gate import Gate
from pipelines.observed import generation
from pipelines.observed.files import ObservedFiles
from pipelines.orchestration import automation, interrupts, pages, retries, schedules
from pipelines.orchestration.executors import executor
from pipelines.orchestration.executors.executor import Executor
from pipelines.orchestration.executors.needs import Needs
from pipelines.orchestration.executors.steps import canceled, orphans, relay
from pipelines.orchestration.jobs import search
from pipelines.orchestration.jobs.search import POOL
from pipelines.orchestration.keys import key, names
from pipelines.pipeline import Pipeline
from pipelines.state.materialization import Materialization

_OF_THE_DAEMON = ("dagster/sensor_name", "dagster/schedule_name", "dagster/from_automation_condition")


def definitions(pipeline: Pipeline) -> dg.Definitions:
    """What is observed, every asset of a recipe with its gates, and what makes them run by themselves."""
    interrupts.teach_dagster()
    idle_threads.let_sleep()
    graph, by = pipeline.graph, executor.check()
    observed = [name for name in OBSERVED if any(name in asset.inputs for asset in graph.assets.values())]
    keys = [key(graph.recipe, name) for name in (*observed, *graph.assets)]
    schedule = schedules.of_recipe(pipeline, keys)
    sensor = automation.sensor(graph.recipe, pipeline.file.recipe, keys)
    searching = search.job(pipeline)
    return dg.Definitions(
        assets=[
            *(_observable(pipeline, name) for name in observed),
            *(_asset(pipeline, asset, by) for asset in graph.assets.values()),
        ],
        schedules=[schedule] if schedule else [],
        sensors=[sensor] if sensor else [],
        jobs=[searching] if searching else [],
    )


def _observable(pipeline: Pipeline, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # said at every start, to users who cannot act on it
        files = kind.files(name)
        return _generation(pipeline, name) if files is None else _files(pipeline, name, files)


def _files(pipeline: Pipeline, name: str, files: ObservedFiles) -> Any:
    @dg.observable_source_asset(
        **_definition(pipeline, name),
        metadata=files.stated(pipeline.file),
        automation_condition=automation.of_files(pipeline.file.recipe),
    )
    def files_asset() -> dg.DataVersion:
        try:
            root = files.obtain(pipeline.file, pipeline.home, silent)
            return dg.DataVersion(files.digest(pipeline.file, pipeline.home, root))
        except CompressionError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error

    return files_asset


def _generation(pipeline: Pipeline, name: str) -> Any:
    def generation_asset(context: dg.OpExecutionContext) -> dg.DataVersion:
        target = context.run.tags.get(schedules.GENERATION_TAG)
        if target is None:
            return dg.DataVersion(str(generation.current(pipeline.home, pipeline.recipe)))
        return dg.DataVersion(str(generation.advance(pipeline.home, pipeline.recipe, int(target))))

    return dg.observable_source_asset(**_definition(pipeline, name))(generation_asset)


def _definition(pipeline: Pipeline, name: str) -> dict[str, Any]:
    observed = kind.named(name)
    return {
        "key": key(pipeline.recipe, name),
        "group_name": pipeline.recipe,
        "description": observed.description,
        "tags": {f"dagster/kind/{badge}": "" for badge in observed.badges},
    }


def _asset(pipeline: Pipeline, asset: Asset, by: Executor) -> dg.AssetsDefinition:
    recipe, own = pipeline.recipe, kind.named(asset.kind)
    gates = {gate.name: gate for gate in own.gates(asset)}

    @dg.asset(
        key=key(recipe, asset.name),
        deps=[key(recipe, name) for name in asset.inputs],
        code_version=pipeline.graph.versions[asset.name],
        group_name=f"{recipe}_seeds" if asset.is_repeated else recipe,  # which the page of all assets can fold
        kinds=set(own.badges),
        owners=pipeline.file.recipe.owners,
        description=own.description,
        metadata=pages.definition(pipeline.file, asset),
        check_specs=[_check_spec(recipe, asset, gate) for gate in gates.values()],
        automation_condition=automation.of_asset(pipeline.file.recipe, own.decide is not None),
        freshness_policy=automation.freshness(pipeline.file.recipe) if own.ages else None,
        # Of what can be computed first that on which most waits: what nobody waits for may run beside it.
        op_tags={"dagster/priority": str(pipeline.graph.heights[asset.name]), **by.tags(Needs.of(asset))},
        pool=POOL if asset.is_heavy and by.is_alone else None,  # of the whole instance; else each machine has its turns
        output_required=own.decide is None,  # a decision in MLflow waits where that is out of reach
    )
    def compute(context: dg.AssetExecutionContext):  # Dagster refuses an annotation where there are checks too
        try:
            with interrupts.raised(), _accompanied(context, by):
                entry = materialize.materialize(pipeline, asset.name, context.log.info, _run(context, pipeline, by))
        except Postponed as reason:
            context.log.warning(str(reason))
            return
        except Exception as error:
            if retries.is_transient(error):
                raise retries.again(context.retry_number) from error
            if isinstance(error, CompressionError):
                raise dg.Failure(str(error), metadata={"asset": asset.name}, allow_retries=False) from error
            raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error
        _record_observations(context, recipe, entry)
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(entry.digest),
            metadata=pages.materialization(pipeline, entry),
            check_results=list(_check_results(entry, gates)),
        )

    return compute


@contextmanager
def _accompanied(context: dg.AssetExecutionContext, by: Executor) -> Generator[None]:
    """What a process does while it computes: it ends with its run; beside others it tells how far it is, and ends with
    who waits for it.
    """
    canceled.require_not(context.instance, context.run_id)
    with ExitStack() as stack:
        stack.enter_context(canceled.obeyed(context.instance, context.run_id))
        if not by.is_alone:
            stack.enter_context(orphans.none(context.run))
            stack.enter_context(relay.told(context))
        yield


def _run(context: dg.AssetExecutionContext, pipeline: Pipeline, by: Executor) -> materialize.Run:
    """Nobody waits for what Dagster's daemon started. There, what can be computed is: an asset whose input failed is
    tried again once it is edited itself, not its input.
    """
    named, chosen = names(pipeline.graph), context.run.asset_selection
    selected = frozenset(name for asset_key, name in named.items() if chosen is None or asset_key in chosen)
    is_awaited = not any(tag in context.run.tags for tag in _OF_THE_DAEMON)
    awaited = selected if is_awaited else frozenset[str]()
    confirm = partial(canceled.require_not, context.instance, context.run_id)
    return materialize.Run(context.run_id, selected, awaited, by.is_alone, confirm=confirm)


def _check_spec(recipe: str, asset: Asset, gate: Gate) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        gate.name, asset=key(recipe, asset.name), description=gate.description, blocking=gate.blocking
    )


def _check_results(entry: Materialization, gates: Mapping[str, Gate]) -> Iterator[dg.AssetCheckResult]:
    for check in entry.checks:
        yield dg.AssetCheckResult(
            check_name=check.name,
            passed=check.passed,
            severity=dg.AssetCheckSeverity.ERROR if gates[check.name].stops else dg.AssetCheckSeverity.WARN,
            description=check.words,
            metadata={name: pages.readable(value) for name, value in check.numbers.items()},
        )


def _record_observations(context: dg.AssetExecutionContext, recipe: str, entry: Materialization) -> None:
    """Tell Dagster what was observed as the stage really read it, whether or not anybody had observed it."""
    for name in OBSERVED:
        if name in entry.inputs:
            observed = key(recipe, name)
            tags = {"dagster/data_version": entry.inputs[name].digest}
            context.log_event(dg.AssetObservation(observed, tags=tags))
            # Dagster noted its inputs' versions before the step began; without this the asset would look out of sync.
            context.get_step_execution_context().wipe_input_asset_version_info(observed)
