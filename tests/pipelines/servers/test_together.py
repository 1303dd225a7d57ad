"""Two homes on PostgreSQL, S3 and an MLflow server: nothing is computed twice, and nothing is lost with a database."""

import os
import platform
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat

from pipelines.execution.recording import postponed
from pipelines.observed import generation
from pipelines.orchestration import instance as instances
from pipelines.orchestration.keys import key
from pipelines.retention import artifacts, collection
from pipelines.retention.settings import Settings
from pipelines.state import dagster_events, ownership
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.home import Home
from tests.conftest import REPOSITORY
from tests.faults.homes import digests, printed
from tests.pipelines import mlflow_process, recipes
from tests.pipelines.affected import ALL
from tests.pipelines.servers.conftest import settings
from tests.pipelines.servers.postgres_process import PASSWORD, USER, Postgres

pytestmark = [pytest.mark.slow(seconds=80), pytest.mark.servers]
_REPRODUCIBLE = ALL - {"measurements", "benchmark_report"}  # which hold latencies
_PATIENCE = 300  # seconds


@dataclass
class Team:
    """What every machine of a team is told, and what each of them printed."""

    folder: Path
    postgres: Postgres
    variables: Mapping[str, str]

    def begin(self, home: str, *arguments: str, **other: str) -> subprocess.Popen[str]:
        """Start a command on the machine whose home this is, with `other` settings than the team's."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli.main", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **self.variables, "COMPRESSION_HOME": str(self.folder / home), **other},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, home: str, *arguments: str, **other: str) -> dict[str, Any]:
        """Run a command to its end; gives what `--json` printed."""
        done = self.begin(home, *arguments, "--json", **other)
        printed_, told = done.communicate(timeout=_PATIENCE)
        assert done.returncode == 0, told
        return printed(printed_)


@pytest.fixture(scope="module")
def team(postgres: Postgres, s3_address: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Team]:
    """MLflow on a database of its own with its artifacts on S3; the state of homes in another, their store on S3."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "mlflow").mkdir()
    recipes.write(folder / "defs")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings(s3_address).items():
            patch.setenv(name, value)
        for bucket in ("artifacts", "mlflow"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        arguments = ["server", "--backend-store-uri", postgres.make("mlflow"), "--artifacts-destination", "s3://mlflow"]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with mlflow_process.served(
            [*arguments, "--workers", "1"], "/health", folder / "mlflow", {**os.environ, **quiet}
        ) as mlflow:
            variables = {
                **settings(s3_address),
                "COMPRESSION_DEFS": str(folder / "defs"),
                "COMPRESSION_STATE": postgres.make("compression"),
                "COMPRESSION_STORE": "s3://artifacts/store",
                "MLFLOW_TRACKING_URI": mlflow,
            }
            for name, value in variables.items():
                patch.setenv(name, value)
            yield Team(folder, postgres, variables)


@pytest.fixture(scope="module")
def disturbed(team: Team) -> str:
    """What the first home's run printed, in whose middle the database was killed and started again."""
    running = team.begin("a", "run", "tiny", "--json")
    deadline, history = time.monotonic() + _PATIENCE, Home(team.folder / "a").history
    while len(history.names()) < 2:
        assert time.monotonic() < deadline
        assert running.poll() is None, running.communicate()
        time.sleep(0.2)
    team.postgres.kill()
    time.sleep(1.0)
    team.postgres.start()
    printed_, told = running.communicate(timeout=_PATIENCE)
    return printed_ + told


@pytest.fixture(scope="module")
def undisturbed(_finished: Path) -> Mapping[str, str]:
    """{asset: digest} of a run on one machine's files."""
    return {entry.asset: entry.digest for entry in History(_finished / "home" / "history").all()}


def test_a_database_that_is_killed_in_mid_run_costs_no_result(
    team: Team, disturbed: str, undisturbed: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    assert "Traceback" not in disturbed
    home = Home(team.folder / "a")
    before = digests(home)
    report = team.run("a", "run", "tiny")
    assert not {*before} & {*report["computed"]}, "what was stored is not computed again"
    found = digests(home)
    assert set(found) == ALL
    assert {name: found[name] for name in _REPRODUCIBLE} == {name: undisturbed[name] for name in _REPRODUCIBLE}
    logged = boto3.client("s3").list_objects_v2(Bucket="mlflow")["Contents"]
    assert any(entry["Key"].endswith("/MLmodel") for entry in logged), "MLflow's artifacts are on S3"
    record_property("told", f"the database killed in mid-run: {len(before)} of {len(ALL)} assets done, none made twice")


def test_a_second_home_finds_all_that_the_first_computed(team: Team, disturbed: str) -> None:
    report = team.run("b", "run", "tiny")
    assert report["computed"] == []
    assert set(report["reused"]) == ALL
    assert not (team.folder / "b" / "history").exists(), "histories are the team's"
    assert not (team.folder / "b" / "dagster").exists(), "Dagster, too, knows what the other home told it"


def test_a_home_with_a_history_of_its_own_reuses_what_lies_in_the_store(
    team: Team, undisturbed: Mapping[str, str], disturbed: str
) -> None:
    report = team.run("c", "run", "tiny", "--select", "student/small", COMPRESSION_STATE="")
    assert report["computed"] == []
    assert "student/small" in report["reused"]
    newest = History(team.folder / "c" / "history").latest("tiny", "student/small")
    assert newest is not None
    assert newest.digest == undisturbed["student/small"]


def test_what_one_home_notes_another_knows(team: Team, disturbed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = Home(team.folder / "a"), Home(team.folder / "b")
    assert generation.advance(a, "tiny", 3) == 3
    assert generation.advance(b, "tiny", 2) == 3, "it is only raised"
    assert generation.current(b, "tiny") == 3
    postponed.note(a, "tiny", "champion")
    postponed.note(a, "tiny", "champion")
    assert postponed.is_asked(b, "tiny", "champion")
    postponed.forget(b, "tiny", "champion")
    assert not postponed.is_asked(a, "tiny", "champion")
    store = ArtifactStore(b.store_url, b.root / "cache")
    monkeypatch.setattr(artifacts, "_GRACE", -60.0)
    assert b.owns_store, "the store names the team's database"
    assert len(list(store.ids())) >= len(ALL)
    kept = {entry.artifact for entry in History(a.history).all()}
    found = artifacts.find(artifacts.Stores.of(b), time.time())
    assert not kept & set(found.artifacts), "what one refers to the other keeps"


def test_a_trial_on_another_database_does_not_own_the_teams_store(
    team: Team, disturbed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPRESSION_STATE", team.postgres.make("trial"))
    trial = Home(team.folder / "trial")
    store = ArtifactStore(trial.store_url, trial.root / "cache")
    ownership.claim(trial, store)
    (words,) = collection.find(trial, Settings()).left
    assert "the store s3://artifacts/store may serve other homes" in words
    monkeypatch.setenv("COMPRESSION_STORE", "s3://artifacts/of-a-trial")
    ownership.claim(trial, ArtifactStore(trial.store_url, trial.root / "cache"))
    assert collection.find(trial, Settings()).left == []


def test_what_dagster_forgot_is_seen_in_its_database_however_its_settings_name_that(
    team: Team, disturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(team.folder / "b")
    keys = {name: tuple(key("tiny", name).path) for name in ("teacher", "student/small")}
    with instances.opened(home) as instance:
        assert dagster_events.forgotten(home, keys) == set()
        instance.wipe_assets([dg.AssetKey(list(keys["teacher"]))])
    assert dagster_events.forgotten(home, keys) == {"teacher"}
    monkeypatch.setenv("TEAM_PASSWORD", PASSWORD)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    for database, forgotten in (("compression", {"teacher"}), ("mlflow", set(keys))):
        (tmp_path / "dagster.yaml").write_text(
            f"storage: {{postgres: {{postgres_db: {{hostname: 127.0.0.1, port: {team.postgres.port}, username: {USER}, "
            f"password: {{env: TEAM_PASSWORD}}, db_name: {database}}}}}}}\n"
        )
        assert dagster_events.forgotten(home, keys) == forgotten


def test_another_machines_daemon_is_seen_while_it_lives(team: Team) -> None:
    a, b = Home(team.folder / "a"), Home(team.folder / "b")
    assert instances.daemon_age(b) is None
    for age, expected in ((600.0, None), (20.0, pytest.approx(20.0, abs=15.0))):
        with instances.opened(a) as instance:
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, "SENSOR", "of-a"))
        assert instances.daemon_age(b) == expected


def test_a_run_whose_machine_is_another_is_not_taken_for_dead(team: Team) -> None:
    home = Home(team.folder / "b")
    with instances.opened(home) as instance:
        elsewhere, here = (
            create_run_for_test(
                instance,
                run_id=run_id,
                status=dg.DagsterRunStatus.STARTED,
                tags={instances.HOST: host, instances.PROCESS: f"{2**22 + 1}@1", instances.RUN: run_id},
            )
            for host, run_id in (("another", str(uuid.uuid4())), (platform.node(), str(uuid.uuid4())))
        )
    with instances.opened(home) as instance:
        statuses = [run and run.status for run in map(instance.get_run_by_id, (elsewhere.run_id, here.run_id))]
    assert statuses == [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE]


def test_a_command_without_its_database_says_so_in_one_sentence(team: Team) -> None:
    address = "postgresql+psycopg2://team:s3cret@127.0.0.1:1/compression"
    for command in ("run", "status"):
        done = team.begin("d", command, "tiny", COMPRESSION_STATE=address)
        _, told = done.communicate(timeout=_PATIENCE)
        assert done.returncode == 1
        assert told.startswith("error: the database postgresql://team@127.0.0.1:1/compression does not answer: ")
        assert len(told.splitlines()) <= 4, told
        assert "s3cret" not in told


def test_a_home_whose_dagster_is_its_own_says_what_to_add(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    home = Home(team.folder / "e")
    home.dagster.mkdir(parents=True)
    (home.dagster / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with instances.opened(home):
        pass
    assert "on this machine, though COMPRESSION_STATE shares the rest" in caplog.text
    assert "env: COMPRESSION_STATE" in caplog.text
