"""`compression run` as its user starts it, by an executor that computes in other processes, while a test looks on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from pipelines.orchestration import instance as instances
from pipelines.orchestration.executors import executor
from pipelines.state import home as homes
from pipelines.state.journal import processes
from tests.conftest import REPOSITORY

_PATIENCE = 240  # seconds, on a machine that is busy


class Command:
    """A run that has begun, and what the log of it says."""

    def __init__(self, process: "subprocess.Popen[str]", known: set[str]) -> None:
        self.process = process
        self._known = known

    def event(self, asset: str, kind: str) -> Mapping[str, Any]:
        """The first event of a kind that the process which computes an asset told, as soon as it is told."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = [each for each in self.events() if (each["asset"], each["event"]) == (asset, kind)]
            if found:
                return found[0]
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)

    def events(self) -> list[Mapping[str, Any]]:
        """All that was told so far."""
        with instances.opened(homes.current()) as on:
            runs = [run.run_id for run in on.get_runs() if run.run_id not in self._known]
            logged = [entry for run in runs for entry in on.all_logs(run, of_type=dg.DagsterEventType.ENGINE_EVENT)]
        told = [
            entry.dagster_event.engine_event_data.metadata.get("progress") for entry in logged if entry.dagster_event
        ]
        return [json.loads(each.text) for each in told if isinstance(each, dg.TextMetadataValue) and each.text]

    def end(self) -> tuple[int, str, str]:
        """The exit code, and what was printed to each stream."""
        out, errors = self.process.communicate(timeout=_PATIENCE)
        return self.process.returncode, out, errors


@contextmanager
def run(by: str, *arguments: str, **variables: str) -> Generator[Command]:
    """`compression run tiny` in a process group of its own, which is gone at the end."""
    with instances.opened(homes.current()) as on:
        known = {found.run_id for found in on.get_runs()}
    settings = {executor.SETTING: by, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli.main", "run", "tiny", *arguments],
        env=os.environ | settings | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Command(process, known)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def kill(event: Mapping[str, Any]) -> None:
    """The process that told an event, without a chance to say anything."""
    os.kill(int(event["process"].partition("@")[0]), signal.SIGKILL)


def is_gone(event: Mapping[str, Any]) -> Callable[[], bool]:
    """Whether it is."""
    return lambda: not processes.is_alive(event["process"])


def soon(done: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether something comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
