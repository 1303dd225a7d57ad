"""The schedule's tick on a real instance: what it asks for and says, and what the run that it asks for computes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from cronsim import CronSim

from pipelines.lineage import connection
from pipelines.orchestration import keys
from pipelines.orchestration.schedules import GENERATION_TAG
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from pipelines.state import home as homes
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_STUDENT
from tests.pipelines.images import image, image_folder, of_images
from tests.pipelines.ticks import Ticks

TRAINED = {"teacher", "student/small", "control/small"}
EVERYTHING = {"dataset", "soft_labels", *TRAINED, *AFTER_STUDENT}

_OFF = "automation: {mode: off}"


class Schedule:
    """The recipe's schedule on an instance in memory, evaluated as Dagster's daemon evaluates it."""

    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()

    def tick(self) -> Any:
        """One evaluation: `run_requests` and `skip_message`."""
        repository = Ticks().definitions().get_repository_def()
        schedule = repository.get_schedule_def("tiny_schedule")
        with dg.build_schedule_context(instance=self.instance, repository_def=repository) as context:
            return schedule.evaluate_tick(context)

    def execute(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The run that a tick asked for, as the daemon launches it: the schedule's job, the selection, the tags."""
        repository = Ticks().definitions().get_repository_def()
        job = repository.get_job(repository.get_schedule_def("tiny_schedule").job_name)
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=list(request.asset_selection or ()),
            tags=dict(request.tags),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


def test_with_nothing_new_the_tick_is_skipped_says_so_and_changes_nothing(recipe: Path, home: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1}")
    before = _files(home)
    found = Schedule().tick()
    assert found.run_requests == []
    assert found.skip_message.startswith("Nothing new: the raw data of tiny are those of digest ")
    assert _files(home) == before


def test_after_an_edit_the_tick_asks_for_what_it_affects(recipe: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1}")
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    schedule = Schedule()
    (request,) = schedule.tick().run_requests
    assert _names(request) == {"raw_data", *AFTER_STUDENT}
    assert request.tags["compression/recipe"] == "tiny"
    assert request.tags["dagster/priority"] == "-1", "runs that a person asked for go first"


@pytest.mark.slow
def test_changed_data_are_asked_for_in_one_run_and_an_unreadable_file_is_named(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    recipe = recipes.write(defs, text=of_images(images))
    _schedule(recipe, "{cron: 0 4 * * 1}")
    assert product.computed() == EVERYTHING
    schedule = Schedule()
    assert schedule.tick().run_requests == []

    image(images / "class0" / "0.png", 220)
    (request,) = schedule.tick().run_requests
    assert _names(request) == {"raw_data", *EVERYTHING}
    before = _entries()
    assert schedule.execute(request).success
    assert _computed(before) == EVERYTHING
    assert schedule.tick().run_requests == []

    link = images / "class0" / "gone.png"
    link.symlink_to(tmp_path / "nowhere.png")
    found = schedule.tick()
    assert found.run_requests == []
    assert f"{link.parent.name}/{link.name}" in found.skip_message
    assert "what was made of them stays in use" in found.skip_message


@pytest.mark.slow
def test_with_reseed_the_tick_trains_everything_anew_with_the_next_seed_in_one_run(recipe: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1, reseed: true}")
    assert set(product.run().named("computed")) == set(), "switching it on trains nothing"
    schedule = Schedule()
    for generation in (1, 2):
        before = _entries()
        (request,) = schedule.tick().run_requests
        assert request.tags[GENERATION_TAG] == str(generation)
        assert _names(request) == {"raw_data", "generation", *EVERYTHING}
        assert schedule.execute(request).success
        after = _entries()
        assert _computed(before) == EVERYTHING - {"dataset"}, "the data set and its split stay the same"
        for name in TRAINED:
            assert _logged(after[name], "seed") == str(1000 * generation), name
            assert after[name].digest != before[name].digest, name
        assert after["dataset"].digest == before["dataset"].digest
        assert set(product.states().values()) == {"fresh"}
        assert product.computed() == set()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")  # of Dagster's own evaluate_automation_conditions
def test_after_a_reseeding_run_dagster_shows_everything_in_sync(recipe: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1, reseed: true}")
    product.edit(recipe, _OFF, "automation: {mode: on, observe: 0 0 1 1 *, retry: 0 0 1 1 *}")
    schedule, ticks = Schedule(), Ticks()
    (request,) = schedule.tick().run_requests
    schedule.instance = ticks.instance
    assert schedule.execute(request).success
    assert ticks.silent(), "the automation has nothing to add"


def test_testing_a_tick_in_the_ui_asks_for_no_generation_twice(recipe: Path, home: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1, reseed: true}")
    before = _files(home)
    schedule = Schedule()
    first, second = schedule.tick(), schedule.tick()
    assert [request.tags[GENERATION_TAG] for request in (*first.run_requests, *second.run_requests)] == ["1", "1"]
    assert _files(home) == before


@pytest.mark.slow
def test_a_repeated_run_of_one_tick_reuses_what_the_first_trained(recipe: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1, reseed: true}")
    schedule = Schedule()
    (request,) = schedule.tick().run_requests
    schedule.execute(request)
    before = _entries()
    assert schedule.execute(request).success
    assert _computed(before) == set()


@pytest.mark.slow
def test_going_back_to_reseed_off_finds_the_recipes_own_seed_known(recipe: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1, reseed: true}")
    schedule = Schedule()
    before = _entries()
    schedule.execute(schedule.tick().run_requests[0])
    product.edit(recipe, "reseed: true", "reseed: false")
    assert product.computed() <= {"champion"}, "whether to go back is a new question if the reseeded one was promoted"
    assert {name: entry.digest for name, entry in _entries().items() if name in TRAINED} == {
        name: entry.digest for name, entry in before.items() if name in TRAINED
    }


def test_the_definition_shows_cron_timezone_and_purpose_and_is_running(recipe: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1, timezone: Europe/Berlin}")
    schedule = Ticks().definitions().get_repository_def().get_schedule_def("tiny_schedule")
    assert schedule.cron_schedule == "0 4 * * 1"
    assert schedule.execution_timezone == "Europe/Berlin"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.description == "Looks at the raw data and, if anything is out of date, computes what is affected."


def test_a_schedule_that_is_not_enabled_is_there_and_stopped(recipe: Path) -> None:
    _schedule(recipe, "{cron: 0 4 * * 1, enabled: false}")
    schedule = Ticks().definitions().get_repository_def().get_schedule_def("tiny_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_the_digits_recipe_ships_with_a_weekly_schedule_that_is_stopped(bare_home: Path) -> None:
    settings = file.load("digits").recipe.schedule
    assert settings is not None
    assert not settings.enabled
    starts = CronSim(settings.cron, datetime(2026, 1, 1))
    first, second = next(starts), next(starts)
    assert second - first == timedelta(weeks=1)


def test_a_recipe_without_a_schedule_has_none(recipe: Path) -> None:
    assert list(Ticks().definitions().schedules or ()) == []


@pytest.mark.parametrize(
    ("line", "path", "allowed"),
    [
        ("schedule: {cron: every monday}", "schedule.cron", "five cron fields, as `0 3 * * 1` (Mondays at 3:00)"),
        ("schedule: {cron: 0 25 * * *}", "schedule.cron", "five cron fields, as `0 3 * * 1` (Mondays at 3:00)"),
        ("schedule: {cron: 0 0 3 * * 1}", "schedule.cron", "five cron fields, as `0 3 * * 1` (Mondays at 3:00)"),
        (
            "schedule: {cron: 0 3 * * 1, timezone: Berlin}",
            "schedule.timezone",
            "an IANA time zone, as `UTC` or `Europe/Berlin`",
        ),
        ("schedule: {cron: 0 3 * * 1, enabled: later}", "schedule.enabled", "true or false"),
        ("freshness: {warn_days: 30, fail_days: 30}", "freshness.warn_days", "less than fail_days, which is 30"),
    ],
)
def test_a_wrong_time_is_told_with_its_line_and_what_is_allowed(
    line: str, path: str, allowed: str, recipe: Path
) -> None:
    product.edit(recipe, f"  {_OFF}\n", f"  {_OFF}\n  {line}\n")
    with pytest.raises(RecipeError) as told:
        file.load("tiny")
    (mistake,) = told.value.mistakes
    assert mistake.path == path
    assert mistake.allowed == allowed
    assert recipe.read_text().splitlines()[mistake.line - 1].strip() == line


def _schedule(recipe: Path, settings: str) -> None:
    product.edit(recipe, f"  {_OFF}\n", f"  {_OFF}\n  schedule: {settings}\n")


def _names(request: dg.RunRequest) -> set[str]:
    names = keys.names(product.pipeline().graph)
    return {names.get(known, known.path[-1]) for known in request.asset_selection or ()}


def _entries() -> dict[str, Any]:
    pipeline = product.pipeline()
    return {name: pipeline.history.latest("tiny", name) for name in pipeline.graph.assets}


def _computed(before: Mapping[str, Any]) -> set[str]:
    """What was computed since, by run: a reused result stands under the run that computed it."""
    return {name for name, entry in _entries().items() if entry != before[name] and entry.computed}


def _logged(entry: Any, parameter: str) -> str:
    return connection.client(homes.current()).get_run(entry.run_id).data.params[parameter]


def _files(home: Path) -> dict[str, bytes]:
    """All state: a tick writes none of it. What SQLite's processes share in memory changes by reading too."""
    found = (path for path in sorted(home.rglob("*")) if path.is_file() and not path.name.endswith("-shm"))
    return {str(path): path.read_bytes() for path in found}
