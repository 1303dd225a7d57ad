"""`compression gc` as a job of Dagster's, and the schedule on which it runs once somebody switches it on."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg

from compression_ops import quantities
from compression_ops.errors import CompressionError
from pipelines.orchestration import interrupts
from pipelines.orchestration.jobs import old_runs
from pipelines.retention import collection, settings
from pipelines.retention.collection import Found
from pipelines.retention.pile import Pile, freed
from pipelines.retention.settings import Settings
from pipelines.state import home as homes
from pipelines.state.home import Home

NAME = "garbage_collection"


def find(home: Home, asked: Settings, on: dg.DagsterInstance, with_left: bool = False) -> Found:
    """All that may go, with what Dagster keeps, if its instance is this home's own."""
    found = collection.find(home, asked, with_left)
    if home.dagster_in_use == home.dagster:
        found.piles.extend(old_runs.piles(home, on, collection.since(asked.days)))
    return found


def definitions() -> dg.Definitions:
    """The job and its schedule. Settings that are none are told, and the defaults stand."""
    try:
        asked = settings.configured()
    except CompressionError as error:
        logging.getLogger("dagster").error(f"{error}\n  the defaults stand")
        asked = Settings()
    job = _job(asked)
    try:
        schedule = _schedule(asked, job)
    except dg.DagsterInvalidDefinitionError as error:  # it knows less of cron than cronsim
        logging.getLogger("dagster").error(f"{settings.CRON}: {error}\n  the default stands: {Settings.cron}")
        schedule = _schedule(replace(asked, cron=Settings.cron), job)
    return dg.Definitions(jobs=[job], schedules=[schedule])


def _job(asked: Settings) -> dg.JobDefinition:
    @dg.op(name=f"{NAME}_step", description="Removes what is older than the retention.")
    def collect(context: dg.OpExecutionContext) -> None:
        home = homes.current()
        try:
            with interrupts.raised():
                found = find(home, asked, context.instance)
                for pile in found.piles:
                    pile.remove()
        except CompressionError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        context.log.info("; ".join(_words(found.piles)) or "nothing was older")
        for sentence in found.left:
            context.log.info(sentence)
        context.add_output_metadata(
            {
                "bytes": freed(found.piles),
                "removed": dg.MetadataValue.md("\n".join(f"- {line}" for line in _words(found.piles)) or "nothing"),
            }
        )

    @dg.job(
        name=NAME,
        description=(
            f"Removes what is older than {asked.days:g} days and that nothing refers to: artifacts, known actions, "
            "entries of histories, leftovers, and runs in Dagster."
        ),
        executor_def=dg.in_process_executor,
    )
    def collection_job() -> None:
        collect()

    return collection_job


def _schedule(asked: Settings, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"{NAME}_schedule",
        description="What is older than the retention goes by itself, once this is switched on.",
        job=job,
        cron_schedule=asked.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )


def _words(found: list[Pile]) -> Iterator[str]:
    for pile in found:
        if pile.number:
            where = "" if pile.is_freed else " to MLflow's trash"
            yield f"{pile.number} {pile.kind}{where}, {quantities.size(pile.bytes)}"
