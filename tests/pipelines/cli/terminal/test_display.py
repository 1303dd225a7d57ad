"""The bars of a run at the 80 columns of a terminal."""

import io
import re

import pytest

from compression_ops.progress import Progress
from pipelines.cli.terminal import display
from pipelines.cli.terminal.console import Terminal
from pipelines.execution import progress

_ASSET = "quantized_student/int8"


class _Clock:
    """Seconds, that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, clock: _Clock) -> io.StringIO:
    """What is written to a terminal of 80 columns."""
    written = io.StringIO()
    console = Terminal(file=written, width=80, force_terminal=True, color_system=None, get_time=clock)
    monkeypatch.setattr(display, "err", console)
    return written


def _lines(terminal: io.StringIO) -> list[str]:
    return re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", terminal.getvalue()).rstrip().splitlines()


def test_the_clock_of_a_stage_goes_on_after_its_last_step_until_the_asset_has_ended(
    terminal: io.StringIO, clock: _Clock
) -> None:
    with display.display():
        progress.report(progress.Started(_ASSET))
        progress.report(progress.Advanced(_ASSET, Progress("calibration", 4, 4)))
        clock.seconds = 8
        progress.report(progress.Ended(_ASSET, "computed", 8.0))
    assert _lines(terminal)[-1].split()[-2:] == ["computed", "0:00:08"]


def test_a_number_without_room_is_left_out_whole_and_one_with_room_is_shown(terminal: io.StringIO) -> None:
    with display.display():
        progress.report(progress.Advanced(_ASSET, Progress("epoch 1/4", 18, 72, {"loss": 3.349, "learning_rate": 0.1})))
        progress.report(progress.Advanced("champion", Progress("champion chosen", 2, 2, {"candidates_that_pass": 1})))
    first, second = _lines(terminal)[-2:]
    assert first.split()[-6:] == ["epoch", "1/4", "18/72", "loss", "3.349", "0:00:00"]
    assert second.split()[-4:] == ["champion", "chosen", "2/2", "0:00:00"]
    assert max(len(first), len(second)) <= 80
