"""How a run goes, while it goes: progress bars on a terminal, one line an event elsewhere. On stderr."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from pipelines.cli.terminal.console import err
from pipelines.execution import progress

_INTERVAL = 2.0  # seconds between two lines
# Characters: of a terminal with room for bars, of a bar, of the words at most and of the longest outcome; of the rest.
_ROOMY, _BAR, _WORDS, _OUTCOME, _FIXED = 64, 24, 70, 8, 12


@contextmanager
def display() -> Generator[None]:
    """Show the progress of all stages that run inside the block."""
    if err.is_terminal and not err.is_dumb_terminal:
        with _bars() as bars, progress.subscribed(_Bars(bars).show):
            yield
    else:
        with progress.subscribed(_Lines().show):
            yield


def _bars() -> Progress:
    """A name is never cut: it folds where the terminal is narrow, and the words beside it are cut to what is left."""
    bar = [BarColumn(bar_width=_BAR)] if err.width >= _ROOMY else []
    return Progress(
        SpinnerColumn("dots" if err.encoding.startswith("utf") else "line", finished_text=" "),
        TextColumn("{task.fields[asset]}", markup=False, table_column=Column(overflow="fold")),
        *bar,
        TextColumn("{task.description}", markup=False),
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
            asset = err.readable(event.asset)
            task = self._tasks[event.asset] = self._bars.add_task("", total=None, asset=asset)
        if isinstance(event, progress.Advanced):
            step = event.progress
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in list(step.metrics.items())[:2])
            words = err.readable(f"{step.description} {step.done}/{step.total} {numbers}")
            self._bars.update(task, completed=step.done, total=step.total, description=words[: self._room()])
        elif isinstance(event, progress.Waiting):
            self._bars.update(task, description=f"waits for {event.for_what}"[: self._room()])
        elif isinstance(event, progress.Ended):
            total = self._bars.tasks[self._bars.task_ids.index(task)].total or 1
            self._bars.update(task, completed=total, total=total, description=event.outcome)

    def _room(self) -> int:
        """Characters beside the widest name, the spinner, the bar and the time; no less than the longest outcome."""
        bar = _BAR if err.width >= _ROOMY else 0
        return min(_WORDS, max(_OUTCOME, err.width - max(map(len, self._tasks)) - bar - _FIXED))


class _Lines:
    """A line an asset that ended, and in between one every few seconds."""

    def __init__(self) -> None:
        self._told = 0.0

    def show(self, event: progress.Event) -> None:
        if isinstance(event, progress.Ended):
            err.print(f"{event.asset}: {event.outcome} ({event.seconds:.1f} s)", soft_wrap=True)
        elif isinstance(event, progress.Waiting):
            err.print(f"{event.asset}: waits for {event.for_what}", soft_wrap=True)
        elif isinstance(event, progress.Advanced) and event.progress.metrics:
            if time.monotonic() - self._told < _INTERVAL:
                return
            self._told = time.monotonic()
            step = event.progress
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in step.metrics.items())
            err.print(f"{event.asset}: {step.description} {step.done}/{step.total}: {numbers}", soft_wrap=True)
