"""A home that cannot take what a run writes is told before anything is computed."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from compression_ops.errors import CompressionError
from pipelines.state import room
from pipelines.state.home import Home


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def _nearly_full(folder: Path) -> _Usage:
    return _Usage(10**9, 10**9 - 10**6, 10**6)


def _refused(folder: Path, mode: int) -> bool:
    return False


def test_a_full_disk_is_told_with_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", _nearly_full)
    with pytest.raises(CompressionError, match=r"has 1\.0 MB free.*\n.*compression gc"):
        room.require(Home(tmp_path / "not" / "there" / "yet"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", _refused)  # to root a folder without the permission is writable
    with pytest.raises(CompressionError, match=r"cannot be written.*\n.*COMPRESSION_HOME"):
        room.require(Home(tmp_path))


def test_a_home_with_room_passes(tmp_path: Path) -> None:
    room.require(Home(tmp_path / "home"))
    assert not (tmp_path / "home").exists(), "it is asked, not made"
