"""The content of a file decides, whatever its size and time say."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.graph import digests
from pipelines.observed import known_digests
from pipelines.observed.known_digests import KnownDigests
from pipelines.state.home import Home

_OLD = b"old bytes"
_NEW = b"new bytes"


def _home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def _digest(home: Home, path: Path) -> str:
    known = KnownDigests(home)
    found = known.digest(path)
    known.save()
    return found


def _settled_file(path: Path) -> None:
    """A file that is older than any tick of a clock."""
    path.write_bytes(_OLD)
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(_NEW)
    other.replace(path)


def _overwritten(path: Path) -> None:
    path.write_bytes(_NEW)


@pytest.mark.parametrize("change", [_replaced, _overwritten])
def test_a_file_of_the_same_size_and_time_is_read_again(change: Callable[[Path], None], tmp_path: Path) -> None:
    """As a synchronization leaves it, which keeps both."""
    path = tmp_path / "data.npz"
    _settled_file(path)
    before = path.stat()
    assert _digest(_home(tmp_path), path) == digests.of_file(path)
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert _digest(_home(tmp_path), path) == digests.of_file(path)


def test_a_file_that_changes_while_its_time_stands_still_is_read_again(tmp_path: Path) -> None:
    """Within one tick of the clock nothing but the content tells two versions apart."""
    path = tmp_path / "data.npz"
    path.write_bytes(_OLD)
    _digest(_home(tmp_path), path)
    assert not _home(tmp_path).raw_digests.exists(), "it changed just now: its stamp proves nothing"


def test_a_known_file_is_not_read_again_until_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.npz"
    _settled_file(path)
    monkeypatch.setattr(known_digests, "_TICK_NS", 0)  # its change time is now
    home = _home(tmp_path)
    found = _digest(home, path)
    read: list[Path] = []

    def reading(path: Path) -> str:
        read.append(path)
        return found

    monkeypatch.setattr(known_digests.digests, "of_file", reading)
    assert _digest(home, path) == found
    assert read == []
    known_digests.forget(home)
    assert _digest(home, path) == found
    assert read == [path]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"PATH": 3}', '{"PATH": []}', '{"PATH": [1, 2, 3]}', "[" * 100_000])
def test_a_damaged_memory_costs_a_reading(text: str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    _settled_file(path)
    home = _home(tmp_path)
    home.root.mkdir()
    home.raw_digests.write_text(text.replace("PATH", str(path)))
    assert _digest(home, path) == digests.of_file(path)
