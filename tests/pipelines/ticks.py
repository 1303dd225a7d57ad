"""Dagster's automation by hand: real ticks on an instance in memory, and the run that each one asks for.

`failures` are those of the last run that a step made: {asset: why}.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.execution import materialize
from pipelines.orchestration import assets
from pipelines.orchestration import keys as keys_of_assets
from pipelines.orchestration.keys import key
from tests.pipelines import product
from tests.pipelines.affected import AFTER_TEACHER

EVERYTHING = {"dataset", "control/small", *AFTER_TEACHER}
NOTHING = set[str]()
# Whatever is observed or tried again is so because a test lets that time of day pass.
ON = "automation: {mode: on, observe: 0 6 * * *, retry: 0 3 * * *}"
BY_HAND = ("automation: {mode: off}", ON)
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Ticks:
    """The automation of one recipe, which is read from its file anew at each tick, as a reloaded code location does.

    The clock stands at noon, three days ago, and advances 30 seconds a tick, so no cron passes unless it is asked for.
    """

    def __init__(self, name: str = "tiny") -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self.failures: dict[str, str] = {}
        self._recipe = name
        self._clock = datetime.now(UTC).replace(hour=12, minute=0, second=10) - timedelta(days=3)
        self._cursor: Any = None

    def definitions(self) -> dg.Definitions:
        """The recipe as it stands on disk now."""
        return assets.definitions(product.pipeline(self._recipe))

    def tick(self) -> set[str]:
        """What one tick requests; nothing is executed."""
        found = self.definitions()
        result = dg.evaluate_automation_conditions(
            defs=found, instance=self.instance, cursor=self._cursor, evaluation_time=self._clock
        )
        self._cursor = result.cursor
        self._clock += timedelta(seconds=30)
        keys = found.resolve_asset_graph().get_all_asset_keys()
        names = keys_of_assets.names(product.pipeline(self._recipe).graph)
        return {names.get(known, known.path[-1]) for known in keys if result.get_requested_partitions(known)}

    def execute(self, names: set[str]) -> dict[str, str]:
        """One run of the named assets: {asset that failed: why}."""
        keys = {key(self._recipe, name): name for name in sorted(names)}
        result = (
            self.definitions()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                instance=self.instance, asset_selection=list(keys), raise_on_error=False, run_config=_QUIET
            )
        )
        steps = {known.to_python_identifier(): name for known, name in keys.items()}
        failed = [event for event in result.all_events if event.is_step_failure]
        return {steps[str(event.step_key)]: _words(event) for event in failed}

    def step(self) -> tuple[set[str], set[str]]:
        """A tick and the one run that it asks for, if any: what was requested, and what of it was computed."""
        requested = self.tick()
        if not requested:
            return requested, set()
        before = self._entries()
        self.failures = self.execute(requested)
        computed = {
            name
            for name, entries in self._entries().items()
            if any(entry.computed for entry in entries[len(before.get(name, ())) :])
        }
        return requested, computed

    def silent(self, number: int = 4) -> bool:
        """Whether so many further ticks request nothing."""
        return not any(self.tick() for _ in range(number))

    def materialized(self) -> set[str]:
        """What Dagster knows a materialization of."""
        known = self.instance.fetch_materializations
        names = product.pipeline(self._recipe).graph.assets
        return {name for name in names if known(key(self._recipe, name), limit=1).records}

    def lose_cursor(self) -> None:
        """As a daemon whose storage was lost, or that sees the recipe for the first time."""
        self._cursor = None

    def pass_cron(self, hour: int, minute: int = 0) -> None:
        """Let the next tick be the first after the next such time of day."""
        moved = self._clock.replace(hour=hour, minute=minute, second=10)
        self._clock = moved if moved > self._clock else moved + timedelta(days=1)

    def _entries(self) -> dict[str, Sequence[Any]]:
        pipeline = product.pipeline(self._recipe)
        return {name: [*pipeline.history.of_asset(self._recipe, name)] for name in pipeline.graph.assets}


def _words(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.to_string() if data.error is not None else "no words"


def before_stage(monkeypatch: pytest.MonkeyPatch, name: str, action: Callable[[], None]) -> None:
    """Do something each time the stage of an asset is about to compute; what it raises, the stage raises."""
    compute = materialize.compute

    def intercepted(planned: materialize.Action, output: Path, report: Any, device: str) -> Any:
        if planned.asset.name == name:
            action()
        return compute(planned, output, report, device)

    monkeypatch.setattr(materialize, "compute", intercepted)
