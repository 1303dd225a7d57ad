"""How a run goes, while it goes: progress bars on a terminal, one line an event elsewhere. On stderr."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from compression_ops.progress import Progress as Step
from pipelines.cli.terminal.console import err
from pipelines.execution import progress

_INTERVAL = 2.0  # seconds between two lines
# Characters of a terminal with room for bars, and for long ones; of words at most, of the longest outcome, of the rest.
_ROOMY, _WIDE, _WORDS, _OUTCOME, _FIXED = 64, 100, 70, 8, 12
_SHORT_BAR, _BAR = 12, 24
_ALMOST = 1e-6  # of a step; rich stops the clock of what is complete, and a stage goes on after its last step


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
    bar = [BarColumn(bar_width=_bar())] if _bar() else []
    return Progress(
        SpinnerColumn("dots" if err.encoding.startswith("utf") else "line", finished_text=" "),
        TextColumn("{task.fields[asset]}", markup=False, table_column=Column(overflow="fold")),
        *bar,
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=err,
    )


def _bar() -> int:
    """Characters of a bar on this terminal: the words beside it tell more."""
    return 0 if err.width < _ROOMY else _SHORT_BAR if err.width < _WIDE else _BAR


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
            words = _words(step, self._room())
            self._bars.update(task, completed=max(0, step.done - _ALMOST), total=step.total, description=words)
        elif isinstance(event, progress.Waiting):
            self._bars.update(task, description=f"waits for {event.for_what}"[: self._room()])
        elif isinstance(event, progress.Ended):
            total = self._bars.tasks[self._bars.task_ids.index(task)].total or 1
            self._bars.update(task, completed=total, total=total, description=event.outcome)

    def _room(self) -> int:
        """Characters beside the widest name, the spinner, the bar and the time; no less than the longest outcome."""
        return min(_WORDS, max(_OUTCOME, err.width - max(map(len, self._tasks)) - _bar() - _FIXED))


def _words(step: Step, room: int) -> str:
    """What a stage does, and of its first two numbers those that have room: half a name or number misleads."""
    told = err.readable(f"{step.description} {step.done}/{step.total}")[:room]
    for place, (name, value) in enumerate(list(step.metrics.items())[:2]):
        longer = f"{told}{', ' if place else ' '}{err.readable(name)} {value:.4g}"
        if len(longer) > room:
            break
        told = longer
    return told


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
