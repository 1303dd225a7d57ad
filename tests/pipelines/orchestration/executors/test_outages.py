"""What does not answer for a while, a cluster's head or a database, ends no run; what stays away holds none up."""

import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from compression_ops.progress import Progress
from pipelines.execution import progress
from pipelines.orchestration.executors.steps import relay


class _Database:
    """An instance of Dagster's whose database fails so often, as a real one fails, and then has nothing to tell."""

    def __init__(self, failures: int) -> None:
        self.failures, self.looks = failures, 0

    def _ask(self) -> None:
        self.looks += 1
        if self.looks <= self.failures:
            with create_engine("sqlite://").connect() as connection:
                connection.execute(text("SELECT * FROM gone"))

    def get_records_for_run(self, *_: Any, **__: Any) -> Any:
        self._ask()
        return SimpleNamespace(cursor="", records=[], has_more=False)

    def report_engine_event(self, *_: Any, **__: Any) -> None:
        self._ask()


def test_a_database_that_fails_at_times_ends_no_follower_and_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    database: Any = _Database(failures=2)
    monkeypatch.setattr(relay, "_LOOK", 0.01)
    deadline = time.monotonic() + 20
    with caplog.at_level(logging.WARNING, "compression"), relay.followed(database, "run", lambda: False):
        while database.looks < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    (said,) = [record.message for record in caplog.records if record.name == "compression"]
    assert "cannot be told for now: (sqlite3.OperationalError) no such table: gone" in said


def test_a_training_goes_on_where_its_progress_cannot_be_told(caplog: pytest.LogCaptureFixture) -> None:
    database = _Database(failures=9)
    step = SimpleNamespace(step=SimpleNamespace(key="tiny__teacher"))
    context: Any = SimpleNamespace(instance=database, run=None, get_step_execution_context=lambda: step)
    with relay.told(context):
        progress.report(progress.Advanced("teacher", Progress("epoch", 1, 2, {})))
        progress.report(progress.Advanced("student", Progress("epoch", 1, 2, {})))
        with pytest.raises(Exception, match="no such table"):
            progress.report(progress.Started("teacher"))
    assert len([record for record in caplog.records if "cannot be told" in record.message]) == 1


class _Head(BaseHTTPRequestHandler):
    """What answers a client of Ray's when it connects."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"version": "4", "ray_version": version("ray"), "ray_commit": ""}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.mark.ray
def test_a_job_counts_as_lost_once_rays_head_has_been_silent_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.job_submission import JobSubmissionClient

    from pipelines.orchestration.executors.steps import ray_jobs

    now = [1000.0]
    monkeypatch.setattr(ray_jobs, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with HTTPServer(("127.0.0.1", 0), _Head) as head:
        threading.Thread(target=head.serve_forever, daemon=True).start()
        client = JobSubmissionClient(f"http://127.0.0.1:{head.server_port}")
        head.shutdown()
    settings = {"env_vars": None, "runtime_env": None, "num_cpus": 1, "num_gpus": 0, "memory": None, "resources": None}
    handler = ray_jobs.Handler(client=client, **settings)
    run = SimpleNamespace(run_id="0" * 36, step_keys_to_execute=["tiny__teacher"], known_state=None)
    context: Any = SimpleNamespace(execute_step_args=run)
    assert handler.check_step_health(context).is_healthy
    now[0] += 59
    assert handler.check_step_health(context).is_healthy
    now[0] += 1
    found = handler.check_step_health(context)
    assert not found.is_healthy
    assert str(found.unhealthy_reason).startswith("Ray has not answered for 60 s: ")
    assert "127.0.0.1" in str(found.unhealthy_reason)
