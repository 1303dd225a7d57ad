"""Cores of a machine: never more are taken than there are, whoever wants all of them gets them, a kill frees them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.state import cores
from pipelines.state.home import Home
from tests.conftest import REPOSITORY

_HOLD = """
import sys
from pathlib import Path
from pipelines.state import cores
from pipelines.state.home import Home
with cores.taken(Home(Path(sys.argv[1])), int(sys.argv[2]), "", lambda: print("waits", flush=True)):
    print("has", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home on a machine of three cores, whose temporary folder is its own."""
    monkeypatch.setattr(cores.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(cores, "count", lambda: 3)
    return Home(tmp_path / "home")


class _Holder(threading.Thread):
    """Takes cores in a thread of its own, as another process would, and keeps them until it is let go."""

    def __init__(self, home: Home, wanted: int, device: str = "") -> None:
        super().__init__(daemon=True)
        self.has, self.may_go, self.waits = threading.Event(), threading.Event(), 0
        self._home, self._wanted, self._device = home, wanted, device
        self.start()

    def run(self) -> None:
        with cores.taken(self._home, self._wanted, self._device, self._wait):
            self.has.set()
            self.may_go.wait(20)

    def _wait(self) -> None:
        self.waits += 1

    def let_go(self) -> None:
        self.may_go.set()
        self.join(20)


def _await(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_trainings_share_a_machine_that_a_measurement_has_alone(home: Home) -> None:
    first, second = _Holder(home, 1), _Holder(home, 2)
    _await(lambda: first.has.is_set() and second.has.is_set())
    alone = _Holder(home, 99)
    _await(lambda: alone.waits == 1)
    late = _Holder(home, 1)
    first.let_go()
    _await(lambda: late.waits == 1)
    assert not alone.has.is_set()
    assert not late.has.is_set(), "who came later waits, though a core is free"
    second.let_go()
    _await(alone.has.is_set)
    time.sleep(0.2)
    assert not late.has.is_set()
    alone.let_go()
    _await(late.has.is_set)
    late.let_go()
    assert alone.waits == 1, "it is told once"


def test_an_accelerator_is_one_stages_at_a_time(home: Home) -> None:
    first, other = _Holder(home, 1, "cuda-0"), _Holder(home, 1, "cuda-1")
    _await(lambda: first.has.is_set() and other.has.is_set())
    second = _Holder(home, 1, "cuda-0")
    _await(lambda: second.waits == 1)
    assert not second.has.is_set()
    other.let_go()
    for device in ("cuda-1", ""):
        passing = _Holder(home, 2, device)
        _await(passing.has.is_set)
        passing.let_go()
    assert not second.has.is_set(), "who waits for an accelerator keeps nobody from another, or from cores"
    first.let_go()
    _await(second.has.is_set)
    second.let_go()


def test_homes_do_not_share_their_turns(home: Home, tmp_path: Path) -> None:
    with cores.taken(home, 3, "", pytest.fail), cores.taken(Home(tmp_path / "other"), 3, "", pytest.fail):
        pass


def test_a_killed_process_leaves_no_core_taken(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "home"), "99"]

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    with start() as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "has\n"
        with start() as waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == "waits\n"
            holder.send_signal(signal.SIGKILL)
            assert waiting.stdout.readline() == "has\n"
            waiting.kill()
