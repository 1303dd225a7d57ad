"""How a run goes, while it goes: progress bars on a terminal, one line an event elsewhere. On stderr."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from pipelines.cli.console import err
from pipelines.execution import progress

_INTERVAL = 2.0  # seconds between two lines


@contextmanager
def display() -> Generator[None]:
    """Show the progress of all stages that run inside the block."""
    if err.is_terminal:
        with _bars() as bars, progress.subscribed(_Bars(bars).show):
            yield
    else:
        with progress.subscribed(_Lines().show):
            yield


def _bars() -> Progress:
    return Progress(
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.fields[asset]:<26}"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=err,
    )


class _Bars:
    """One bar an asset."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def show(self, event: progress.Event) -> None:
        task = self._tasks.get(event.asset)
        if task is None:
            task = self._tasks[event.asset] = self._bars.add_task("", total=None, asset=event.asset)
        if isinstance(event, progress.Advanced):
            step = event.progress
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in list(step.metrics.items())[:2])
            words = f"{step.description} {step.done}/{step.total} {numbers}"
            self._bars.update(task, completed=step.done, total=step.total, description=words[:70])
        elif isinstance(event, progress.Ended):
            total = self._bars.tasks[self._bars.task_ids.index(task)].total or 1
            self._bars.update(task, completed=total, total=total, description=event.outcome)


class _Lines:
    """A line an asset that ended, and in between one every few seconds."""

    def __init__(self) -> None:
        self._told = 0.0

    def show(self, event: progress.Event) -> None:
        if isinstance(event, progress.Ended):
            err.print(f"{event.asset}: {event.outcome} ({event.seconds:.1f} s)")
        elif isinstance(event, progress.Advanced) and event.progress.metrics:
            if time.monotonic() - self._told < _INTERVAL:
                return
            self._told = time.monotonic()
            step = event.progress
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in step.metrics.items())
            err.print(f"{event.asset}: {step.description} {step.done}/{step.total}: {numbers}", soft_wrap=True)
