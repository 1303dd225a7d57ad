"""How a run goes, from the processes that compute its assets to the one that waits for it: through Dagster's log of the
run, which all of them reach, wherever they are.
"""

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import dagster as dg
from dagster._core.events import EngineEventData
from sqlalchemy.exc import SQLAlchemyError

from compression_ops.progress import Progress
from pipelines.execution import progress
from pipelines.state.journal import processes
from pipelines.state.journal.processes import Process

_LABEL, _HOST, _PROCESS, _PLACE = "progress", "host", "process", "place"
_INTERVAL = 1.0  # seconds between two steps of an asset that are told; each is a row in Dagster's database
_LOOK = 0.25  # seconds between two looks at the log
_GRACE = 3.0  # seconds that processes have to end by themselves, once they are to
_MOST = 500  # events that are read at a time


@contextmanager
def told(context: dg.AssetExecutionContext) -> Generator[None]:
    """In a process that computes an asset: tell the log of the run what happens in the block."""
    spoken: dict[str, float] = {}
    outages = _Outages()

    def tell(event: progress.Event) -> None:
        if isinstance(event, progress.Advanced):
            now = time.monotonic()
            if now - spoken.get(event.asset, 0.0) < _INTERVAL and event.progress.done < event.progress.total:
                return
            spoken[event.asset] = now
        own = processes.own()
        fields = to_json(event) | {_HOST: own.host, _PROCESS: own.identity, _PLACE: own.place}
        step = context.get_step_execution_context().step.key
        data = EngineEventData(metadata={_LABEL: dg.MetadataValue.text(json.dumps(fields))})
        with outages.passed_over() if isinstance(event, progress.Advanced) else nullcontext():
            context.instance.report_engine_event(_words(event), context.run, data, step_key=step)

    with progress.subscribed(tell):
        yield


@contextmanager
def followed(on: dg.DagsterInstance, run_id: str, is_stopped: Callable[[], bool]) -> Generator[None]:
    """In the process that waits for a run: tell its subscribers what the others told, until the block ends.

    Once `is_stopped`, those of this machine that do not end by themselves are ended.
    """
    ended = threading.Event()
    follower = _Follower(on, run_id, is_stopped)
    thread = threading.Thread(target=follower.follow, args=(ended,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        follower.look()


class _Outages:
    """Those of Dagster's database, which are told once; what cannot be told or read meanwhile is how far a run is."""

    def __init__(self) -> None:
        self._are_told = False

    @contextmanager
    def passed_over(self) -> Generator[None]:
        """Go on where the database fails in the block."""
        try:
            yield
        except Exception as error:
            if not _is_of_database(error):
                raise
            if not self._are_told:
                words = str(error).partition("\n")[0]
                logging.getLogger("compression").warning(f"how far the run is cannot be told for now: {words}")
            self._are_told = True


def _is_of_database(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is one of a database's; Dagster wraps some in its own."""
    while error is not None:
        if isinstance(error, SQLAlchemyError):
            return True
        error = error.__cause__
    return False


class _Follower:
    """How far the log of a run was read, and which processes of this machine told it something."""

    def __init__(self, on: dg.DagsterInstance, run_id: str, is_stopped: Callable[[], bool]) -> None:
        self._on, self._run_id, self._is_stopped = on, run_id, is_stopped
        self._cursor: str | None = None
        self._processes: set[str] = set()
        self._stopped: float | None = None
        self._outages = _Outages()

    def follow(self, ended: threading.Event) -> None:
        """Look now and then, until it has ended."""
        while not ended.wait(_LOOK):
            self.look()
            if self._is_stopped():
                self._stopped = self._stopped or time.monotonic()
                if time.monotonic() - self._stopped > _GRACE:
                    self._end()

    def look(self) -> None:
        """Tell what has come since the last look; what a database that fails keeps back comes at the next one."""
        with self._outages.passed_over():
            self._read()

    def _read(self) -> None:
        while True:
            found = self._on.get_records_for_run(
                self._run_id, self._cursor, of_type=dg.DagsterEventType.ENGINE_EVENT, limit=_MOST
            )
            self._cursor = found.cursor
            for record in found.records:
                event = record.event_log_entry.dagster_event
                stated = event.engine_event_data.metadata.get(_LABEL) if event is not None else None
                if isinstance(stated, dg.TextMetadataValue) and stated.text:
                    self._take(json.loads(stated.text))
            if not found.has_more:
                return

    def _take(self, fields: Mapping[str, Any]) -> None:
        if Process(fields[_HOST], fields[_PROCESS], fields.get(_PLACE, "")).is_here:
            self._processes.add(fields[_PROCESS])
        progress.report(from_json(fields))

    def _end(self) -> None:
        own = processes.identity(os.getpid())
        for process in self._processes - {own}:
            if processes.is_alive(process):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(int(process.partition("@")[0]), signal.SIGKILL)


def to_json(event: progress.Event) -> dict[str, Any]:
    """An event as JSON types."""
    fields: dict[str, Any] = {"event": type(event).__name__, **vars(event)}
    if isinstance(event, progress.Advanced):
        fields["progress"] = vars(event.progress) | {"metrics": dict(event.progress.metrics)}
    return fields


def from_json(fields: Mapping[str, Any]) -> progress.Event:
    """What `to_json` wrote."""
    asset = fields["asset"]
    match fields["event"]:
        case progress.Started.__name__:
            return progress.Started(asset)
        case progress.Waiting.__name__:
            return progress.Waiting(asset, fields["for_what"])
        case progress.Advanced.__name__:
            return progress.Advanced(asset, Progress(**fields["progress"]))
        case _:
            return progress.Ended(asset, fields["outcome"], fields["seconds"])


def _words(event: progress.Event) -> str:
    match event:
        case progress.Started():
            return f"{event.asset}: begins"
        case progress.Waiting():
            return f"{event.asset}: waits for {event.for_what}"
        case progress.Advanced():
            return f"{event.asset}: {event.progress.description} {event.progress.done}/{event.progress.total}"
        case progress.Ended():
            return f"{event.asset}: {event.outcome} ({event.seconds:.1f} s)"
