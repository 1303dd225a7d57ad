"""Histories made short: what stays, that it stays as it was, and that nobody's entry is lost meanwhile."""

import errno
import fcntl
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.retention import histories
from pipelines.retention.artifacts import Stores
from pipelines.state.history import RECORDED, History
from pipelines.state.home import Home
from pipelines.state.journal import append_only
from pipelines.state.materialization import Materialization, Source, Unrecorded
from pipelines.state.recorded import Record
from tests.pipelines.state.test_history import ENTRY

_UNTOLD = Unrecorded("", "student", 0.0, 1.0, "", {}, (), {}, None, None)


def _entry(moment: float, run_id: str, asset: str = "student/small") -> Materialization:
    return replace(ENTRY, time=moment, run_id=run_id, asset=asset, inputs={})


def _compact(home: Home, since: float) -> dict[str, int]:
    found = histories.piles(home, Stores.of(home).actions, since)
    for pile in found:
        pile.remove()
    return {pile.kind: pile.number for pile in found}


def test_the_newest_entry_of_each_asset_stays_and_so_does_what_is_recent(tmp_path: Path) -> None:
    home = Home(tmp_path)
    history = History(home.history)
    old = [_entry(moment, f"run{moment:g}") for moment in (1.0, 2.0, 50.0, 3.0)]
    for entry in (*old, _entry(1.0, "only", "teacher")):
        history.append(entry)
    lines = list(home.history.lines("r/student/small.jsonl"))
    found = histories.piles(home, Stores.of(home).actions, 50.0)[0]
    assert (found.number, found.bytes) == (2, len(lines[0] + lines[1]))
    found.remove()
    assert list(history.of_asset("r", "student/small")) == old[2:], "of the retention, and the last that was written"
    assert history.latest("r", "teacher") == _entry(1.0, "only", "teacher")
    assert _compact(home, 50.0)["entries of histories"] == 0


def test_what_mlflow_was_not_told_yet_stays_until_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path)
    history = History(home.history)
    for entry in (replace(_entry(1.0, "own"), unrecorded=_UNTOLD), _entry(2.0, "new")):
        history.append(entry)
    assert _compact(home, 10.0)["entries of histories"] == 0
    history.complete("own", Record("1", "told", None))
    assert list(home.history.lines(RECORDED))
    assert _compact(home, 10.0)["entries of histories"] == 1
    assert not list(home.history.lines(RECORDED)), "no entry needs its later id any more"


def test_an_entry_is_told_by_its_later_run_through_all_runs_between(tmp_path: Path) -> None:
    home = Home(tmp_path)
    history = History(home.history)
    history.append(replace(_entry(1.0, "first"), inputs={"dataset": Source("d", "data")}))
    for of, later in (("first", "second"), ("second", "third"), ("data", "data2"), ("other", "unused")):
        history.complete(of, Record("1", later, None))
    before = history.latest("r", "student/small")
    assert _compact(home, 10.0)["later ids of runs"] == 1
    found = history.latest("r", "student/small")
    assert found == before
    assert found is not None
    assert (found.run_id, found.inputs["dataset"].run_id) == ("third", "data2")


def test_entries_of_trials_go_however_new_they_are_among_their_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = home.searches / "r" / "0123" / "history"
    History(folder).append(_entry(1.0, "old"))
    History(folder).append(_entry(1.0, "old", "teacher"))
    History(folder).append(_entry(20.0, "young", "teacher"))
    assert _compact(home, 10.0)["entries of searches' trials"] == 2
    assert [entry.run_id for entry in History(folder).all()] == ["young"]


_APPENDING = """
import sys
from pathlib import Path
from pipelines.state.journal import append_only
for number in range(300):
    append_only.append(Path(sys.argv[1]), f"old {sys.argv[2]} {number}")
    append_only.append(Path(sys.argv[1]), f"new {sys.argv[2]} {number}")
"""


def test_nothing_that_is_appended_while_a_file_is_compacted_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    append_only.append(path, "old")
    writers = [subprocess.Popen([sys.executable, "-c", _APPENDING, str(path), str(each)]) for each in range(3)]
    times = 0
    while any(writer.poll() is None for writer in writers):
        append_only.compact(path, lambda lines: [line for line in lines if line.startswith(b"new")] or list(lines))
        times += 1
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert times > 3
    new = {line for line in path.read_text().splitlines() if line.startswith("new")}
    assert new == {f"new {each} {number}" for each in range(3) for number in range(300)}


def test_a_file_is_locked_as_a_network_disk_wants_it_and_one_without_locks_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines"
    for line in ("old", "new"):
        append_only.append(path, line)
    flags: list[int] = []

    def lock(descriptor: int, operation: int) -> None:
        flags.append(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE)
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", lock)
    append_only.compact(path, lambda lines: lines[1:])
    assert path.read_text() == "old\nnew\n"
    assert flags == [os.O_RDWR], "NFS answers EBADF to a lock for one alone on a file that is only read"
    monkeypatch.undo()
    append_only.compact(path, lambda lines: lines[1:])
    assert path.read_text() == "new\n"
