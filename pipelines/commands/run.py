"""`compression run`: computes what is out of date and no more, and says what became of each asset."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from compression_ops.errors import CompressionError
from pipelines.execution import device, inputs, lacking, progress, status
from pipelines.execution.recording import later, outage
from pipelines.kinds import kind
from pipelines.orchestration.executors import executor
from pipelines.pipeline import Pipeline
from pipelines.recipe import file
from pipelines.recipe.error import nearest
from pipelines.state import dagster_events, room

_PASSES = 4  # an input that comes out differently makes its consumers stale during the run; a gate holds them up


@dataclass(frozen=True)
class Outcome:
    """What became of one asset: `computed`, `reused`, `failed` (with a cause) or `skipped` (an input failed)."""

    asset: str
    outcome: str
    seconds: float = 0.0
    cause: str = ""


@dataclass(frozen=True)
class Report:
    """A whole run.

    unrecorded  the assets whose result is not in MLflow yet, and those that wait as they are decided there
    outage      why, in words
    retold      the assets that Dagster had forgotten, and was told of again
    """

    recipe: str
    outcomes: tuple[Outcome, ...]
    seconds: float
    unrecorded: tuple[str, ...] = ()
    outage: str = ""
    retold: tuple[str, ...] = ()

    def named(self, outcome: str) -> list[str]:
        """The assets of one outcome, in order of computation."""
        return [item.asset for item in self.outcomes if item.outcome == outcome]

    def to_json(self) -> dict[str, Any]:
        """As `compression run --json` prints it."""
        lists = {outcome: self.named(outcome) for outcome in ("computed", "reused", "failed", "skipped")}
        found = {"recipe": self.recipe, **lists, "seconds": round(self.seconds, 3)}
        more = {"unrecorded": list(self.unrecorded), "outage": self.outage, "retold": list(self.retold)}
        return found | {name: value for name, value in more.items() if value}


def select(pipeline: Pipeline, patterns: Sequence[str]) -> list[str]:
    """The assets that match any pattern (`student/*`), and all that they are made from; all assets without a pattern.

    Raises CompressionError for a pattern that matches nothing.
    """
    if not patterns:
        return list(pipeline.graph.assets)
    wanted = {upstream for name in matching(pipeline, patterns) for upstream in pipeline.graph.upstream(name)}
    return [name for name in pipeline.graph.assets if name in wanted]


def matching(pipeline: Pipeline, patterns: Sequence[str]) -> set[str]:
    """The assets that match any pattern. Raises CompressionError for a pattern that matches nothing."""
    wanted: set[str] = set()
    for pattern in patterns:
        matched = [name for name in pipeline.graph.assets if fnmatch(name, pattern)]
        if not matched:
            close = nearest(pattern, list(pipeline.graph.assets))
            raise CompressionError(
                f"recipe {pipeline.recipe!r} has no asset {pattern!r}\n  allowed: {', '.join(pipeline.graph.assets)}"
                + (f"\n  did you mean `{close}`?" if close else "")
            )
        wanted.update(matched)
    return wanted


def run(pipeline: Pipeline, patterns: Sequence[str] = ()) -> Report:
    """Bring the selected assets up to date in one Dagster run (more only if a result came out unexpectedly).

    Raises CompressionError, before anything is computed, if the device that they are to be computed on is not here, or
    if what is to be computed reads files that are not.
    """
    started = time.monotonic()
    selected = select(pipeline, patterns)
    outcomes: dict[str, Outcome] = {}
    postponed: set[str] = set()
    _catch_up(pipeline)

    def note(event: progress.Event) -> None:
        if isinstance(event, progress.Ended):
            postponed.update({event.asset} if event.outcome == "skipped" else ())
            before = outcomes.get(event.asset)
            computed = before is not None and before.outcome == "computed" and event.outcome == "reused"
            outcomes[event.asset] = Outcome(event.asset, "computed" if computed else event.outcome, event.seconds)

    failed: set[str] = set()
    retold: set[str] = set()
    for number in range(_PASSES):
        statuses = status.of_pipeline(pipeline, executor.is_here())
        retold |= _forgotten(pipeline, statuses, selected) if number == 0 else set()
        asked = [name for name in selected if statuses[name].is_due or (number == 0 and name in retold)]
        due = [name for name in asked if (failed | postponed).isdisjoint(pipeline.graph.upstream(name))]
        waiting = _in_one_run(pipeline, due, {name for name in due if statuses[name].is_judged_anew})
        if not waiting:
            break
        if any(kind.files(name) for due in waiting for name in pipeline.graph.assets[due].inputs):
            file.require_files(pipeline.file)
        if executor.check().place != "cluster":  # whose machines have other devices and programs than this one
            device.check()
            lacking.check(pipeline, waiting)
        with progress.subscribed(note):
            failures = _materialize(pipeline, waiting)
        for name, cause in failures.items():
            seconds = outcomes[name].seconds if name in outcomes else 0.0
            outcomes[name] = Outcome(name, "failed", seconds, cause)
        for name in waiting:
            outcomes.setdefault(name, Outcome(name, "skipped"))
        failed.update(failures)
    for name, current in status.of_pipeline(pipeline, executor.is_here()).items():
        outcomes.setdefault(name, _untouched(current))
    told = tuple(outcomes[name] for name in selected)
    untold = (*later.waiting(pipeline.history, pipeline.recipe, selected), *sorted(postponed))
    outage_words = outage.words(pipeline.home.tracking_uri)
    again = tuple(name for name in selected if name in retold)
    return Report(pipeline.recipe, told, time.monotonic() - started, untold, outage_words, again)


def _forgotten(pipeline: Pipeline, statuses: Mapping[str, status.AssetStatus], selected: Sequence[str]) -> set[str]:
    """What is up to date and known, but not to Dagster: to materialize it tells that, and computes nothing."""
    fresh = {
        name: (pipeline.recipe, pipeline.graph.assets[name].node)
        for name in selected
        if statuses[name].state == "fresh" and not statuses[name].waits_for
    }
    entries = {name: statuses[name].entry for name in dagster_events.forgotten(pipeline.home, fresh)}
    return {name for name, entry in entries.items() if entry is not None and pipeline.actions.get(entry.action)}


def _catch_up(pipeline: Pipeline) -> None:
    """Tell MLflow what it did not hear of before, if it is there: a run that finds all known does not need it."""
    if later.waiting(pipeline.history, pipeline.recipe, pipeline.graph.assets):
        with suppress(outage.Outage):  # it is told at the end
            later.of(pipeline).unrecorded(pipeline.recipe)


def _in_one_run(pipeline: Pipeline, due: Sequence[str], judged: set[str]) -> list[str]:
    """What can be computed now: all but what a gate stands above that is judged anew, and would not hold it up.

    Dagster stops what is made from an asset that fails its check, through assets of the same run only.
    """
    chosen: list[str] = []
    for name in due:
        above = [known for known in pipeline.graph.assets[name].inputs if known in chosen]
        held = {gate for known in above for gate in pipeline.graph.upstream(known)}
        if judged.intersection(pipeline.graph.upstream(name)) - {name} <= held:
            chosen.append(name)
    return chosen


def _untouched(current: status.AssetStatus) -> Outcome:
    """Of an asset that this run left alone: it is up to date, or what failed stands in its way."""
    if current.state != "fresh":
        return Outcome(current.asset, "skipped")
    if current.entry is not None and current.entry.blocked:
        words = " ".join(check.words for check in current.entry.blocked)
        return Outcome(current.asset, "failed", cause=f"{words}\n  {inputs.cure(current.entry)}")
    return Outcome(current.asset, "reused")


def _materialize(pipeline: Pipeline, names: Sequence[str]) -> dict[str, str]:
    from pipelines.orchestration import instance
    from pipelines.orchestration import run as dagster_run

    room.require(pipeline.home)
    pipeline.store.require()
    with instance.opened(pipeline.home) as opened:
        return dict(dagster_run.materialize(pipeline, names, opened).failures)
