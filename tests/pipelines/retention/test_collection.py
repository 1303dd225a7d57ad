"""All that is old goes by a command or by a job of Dagster's, and what anything refers to stays."""

import json
import os
import shlex
import time
from pathlib import Path

import dagster as dg
import pytest
from mlflow.entities import ViewType

from compression_ops.errors import CompressionError
from pipelines.cli import gc
from pipelines.lineage import connection
from pipelines.lineage.query import LineageQuery
from pipelines.orchestration import instance as instances
from pipelines.orchestration.jobs import garbage
from pipelines.retention import collection, leftovers, settings
from pipelines.retention.artifacts import Stores
from pipelines.retention.pile import Pile, freed
from pipelines.retention.settings import Settings
from pipelines.state.home import Home
from tests.pipelines import product
from tests.pipelines.cli.command import compression


def _old(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * 100)
        os.utime(path, (1, 1))


def test_leftovers_go_once_they_are_old_and_of_nothing_that_is_there(tmp_path: Path) -> None:
    home = Home(tmp_path)
    _old(home.dry_runs / "old.json", home.last_good / "gone.yaml", home.last_good / "there.yaml")
    _old(home.root / "former-1" / "dagster.yaml", home.running / "stage-1" / "half", home.running / "turn-abc.lock")
    needed, unneeded = "a" * 64, "b" * 64
    _old(*(home.root / "cache" / name / "x" for name in (needed, unneeded, "mine", ".left")))
    _old(home.root / "former-mlflow" / "a.db", home.root / "former-2025" / "x")
    fetched = home.root / "cache" / ".fetching" / "part"
    _old(fetched)
    os.utime(fetched, (time.time() - 7200,) * 2)
    caches = (f"cache/{name}" for name in (needed, unneeded, "mine", ".left", ".fetching"))
    for folder in (*caches, "former-1", "former-mlflow", "former-2025"):
        os.utime(home.root / folder, (1, 1))
    (home.dry_runs / "young.json").write_text("{}")
    found = leftovers.piles(home, ["there"], [needed], time.time() - 3600)
    assert {pile.kind: (pile.number, pile.bytes) for pile in found} == {
        "folders of killed stages": (1, 100),
        "fetched copies of artifacts": (2, 200),
        "dry runs": (1, 100),
        "former recipes": (1, 100),
        "copies of a former version's files": (2, 200),
    }
    for pile in found:
        pile.remove()
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        f"cache/{needed}/x",
        "cache/mine/x",
        "cache/.fetching/part",
        "dry_runs/young.json",
        "last_good/there.yaml",
        "running/turn-abc.lock",
        "former-2025/x",
    }


@pytest.mark.parametrize(
    ("name", "stated", "words"),
    [
        (settings.DAYS, "a month", "COMPRESSION_GC_DAYS is 'a month'\n  allowed: a number of days"),
        (settings.DAYS, "-1", "allowed: a number of days, 0 or more"),
        (settings.DAYS, "nan", "allowed: a number of days, 0 or more"),
        (settings.CRON, "daily", "COMPRESSION_GC_CRON is 'daily'"),
        (settings.CRON, "61 * * * *", "allowed: five fields"),
        (settings.STORE_IS_MINE, "perhaps", "COMPRESSION_GC_STORE_IS_MINE is 'perhaps'\n  allowed: 1 or 0"),
        (settings.MLFLOW, "perhaps", "COMPRESSION_GC_MLFLOW is 'perhaps'\n  allowed: 1 or 0"),
    ],
)
def test_a_setting_that_is_none_is_told_and_takes_no_recipe_out_of_dagster(
    monkeypatch: pytest.MonkeyPatch, name: str, stated: str, words: str
) -> None:
    monkeypatch.setenv(name, stated)
    with pytest.raises(CompressionError) as caught:
        settings.configured()
    assert words in str(caught.value)
    (schedule,) = garbage.definitions().schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == Settings.cron


def test_a_cron_that_only_dagster_refuses_takes_no_recipe_out_of_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.CRON, "0 4 * * 5L")
    monkeypatch.setenv(settings.DAYS, "7")
    found = garbage.definitions()
    (schedule,) = found.schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == Settings.cron
    (job,) = found.jobs or ()
    assert isinstance(job, dg.JobDefinition)
    assert "older than 7 days" in str(job.description), "the other settings stand"


def test_the_schedule_is_off_until_somebody_switches_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.CRON, "30 2 1 * *")
    (schedule,) = garbage.definitions().schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.default_status) == ("30 2 1 * *", dg.DefaultScheduleStatus.STOPPED)


def test_what_other_homes_may_use_is_left_alone_with_a_sentence_and_the_rest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    _old(home.dry_runs / "old.json")
    monkeypatch.delenv("COMPRESSION_STATE", raising=False)
    monkeypatch.setenv("COMPRESSION_HOME", str(home.root))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("COMPRESSION_STORE", str(tmp_path / "shared"))
    _old(tmp_path / "made" / "x.txt")
    theirs = Stores.of(home).store.put(tmp_path / "made").id
    os.utime(tmp_path / "shared" / "artifacts" / theirs[:2] / theirs / "manifest.json", (1, 1))
    found = collection.find(home, Settings(mlflow=True))
    piles = {pile.kind: pile.number for pile in found.piles}
    assert piles["dry runs"] == 1
    assert not {"artifacts", "runs in MLflow"} & piles.keys()
    store, mlflow = found.left
    assert store.startswith(f"artifacts and known actions stay: the store {tmp_path / 'shared'} may serve other homes")
    assert mlflow.startswith("runs in MLflow stay: http://127.0.0.1:9 may serve other homes")
    counted = collection.find(home, Settings(), with_left=True)
    assert [(pile.kind, pile.number, pile.bytes > 100) for pile in counted.left_piles] == [
        ("artifacts", 1, True),
        ("known actions", 0, False),
    ]
    assert "known here (1 artifacts, 2" in counted.left[0], "with its manifest"
    assert "would go, as nothing here refers to them)" in counted.left[0]
    monkeypatch.setenv(settings.STORE_IS_MINE, "1")
    found = collection.find(home, settings.configured())
    assert not found.left
    assert "artifacts" in {pile.kind for pile in found.piles}
    monkeypatch.delenv(settings.STORE_IS_MINE)
    said = compression("gc", "--mlflow")
    assert said.returncode == 0
    assert store in said.stdout
    assert "removed 1 dry runs, 100 B" in said.stdout
    said = compression("gc", "--days", "inf")
    assert said.returncode == 1
    assert "--days is 'inf'\n  allowed: a number of days" in said.stderr


def test_more_days_than_there_were_keep_all() -> None:
    assert [collection.since(days) for days in (1e6, 1e308)] == [0.0, 0.0]


def test_what_lies_in_mlflows_trash_is_not_freed() -> None:
    piles = [Pile("artifacts", 1, 5, lambda: None), Pile("runs in MLflow", 1, 7, lambda: None, is_freed=False)]
    assert freed(piles) == 5


def test_a_home_with_a_space_is_quoted_and_a_servers_trash_is_its_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home = Home(tmp_path / "my home")
    words = shlex.split(gc._next(home).partition("  empties")[0])  # pyright: ignore[reportPrivateUsage]
    assert words[words.index("--tracking-uri") + 1] == home.tracking_uri
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@server:5000")
    said = gc._next(home)  # pyright: ignore[reportPrivateUsage]
    assert "whoever runs MLflow's server" in said
    assert "secret" not in said


def _supersede(recipe: Path, home: Path) -> None:
    """Results that a later edit replaced, all of them stored long ago."""
    product.edit(recipe, "alpha: 0.9", "alpha: 0.7")
    assert product.computed() >= {"student/small"}
    product.edit(recipe, "alpha: 0.7", "alpha: 0.2")
    product.run()
    for path in (home / "store" / "artifacts").rglob("manifest.json"):
        os.utime(path, (1, 1))


@pytest.mark.slow(seconds=30)
def test_the_job_removes_what_the_command_says_and_all_that_anything_refers_to_stays(
    recipe: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _supersede(recipe, home)
    entries = {name: product.entry(name) for name in product.states()}
    told = json.loads(compression("gc", "--days", "0", "--mlflow", "--dry-run", "--json").stdout)
    assert told["kinds"]["entries of histories"]["number"] > 0
    assert told["kinds"]["runs in Dagster"]["number"] == 1, "the first edit's: what it made was made anew since"
    assert told["kinds"]["runs in MLflow"]["number"] > 0
    trashed = told["kinds"]["runs in MLflow"]["bytes"]
    assert told["bytes"] == sum(kind["bytes"] for kind in told["kinds"].values()) - trashed
    monkeypatch.setenv(settings.DAYS, "0")
    monkeypatch.setenv(settings.MLFLOW, "1")
    (job,) = garbage.definitions().jobs or ()
    assert isinstance(job, dg.JobDefinition)
    with instances.opened(Home(home)) as on:
        result = job.execute_in_process(instance=on)
        assert result.success
        assert len(on.get_runs()) == 3, "the first run, the last one, and the job's own"
    assert {name: product.entry(name) for name in entries} == entries
    assert set(product.states().values()) == {"fresh"}
    assert product.computed() == set()
    client, query = connection.client(Home(home)), LineageQuery(Home(home))
    experiments = [each.experiment_id for each in client.search_experiments()]
    trash = {run.info.run_id for run in client.search_runs(experiments, run_view_type=ViewType.DELETED_ONLY)}
    assert len(trash) == told["kinds"]["runs in MLflow"]["number"]
    registered = [version.run_id for version in client.search_model_versions() if version.run_id]
    assert registered
    waiting = [query.backward(run_id) for run_id in (*registered, *(entry.run_id for entry in entries.values()))]
    while waiting:
        node = waiting.pop()
        assert node.status in ("FINISHED", "DATA"), node.asset
        assert node.run_id not in trash, node.asset
        waiting += node.relatives
    again = json.loads(compression("gc", "--days", "0", "--mlflow", "--dry-run", "--json").stdout)
    assert again["kinds"]["artifacts"]["number"] == 0
    assert again["kinds"]["runs in MLflow"]["number"] == 0
