"""A disk that becomes full in the middle of a run: told, nothing is torn, and once there is room the run completes."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from pipelines.state.home import Home
from tests.faults.conftest import Tell
from tests.faults.homes import assert_nothing_is_torn, assert_sound, begin, digests, environment
from tests.forks import Ended, Forks
from tests.pipelines import product

_SIZE = 160  # MB: more than a run needs, and than it asks for beforehand
_AT_MOST = 60  # seconds that a run may take, whose disk is full
_WORDS = ("No space left on device", "disk is full", "its disk has 0.0 MB free")
_FULL_AFTER = ("dataset", "teacher", "student/small")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    told = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if told.returncode != 0:
        cure = (
            f"a disk can be mounted by root alone: run the tests as root, in a container that may mount: {told.stderr}"
        )
        pytest.fail(cure) if os.environ.get("CI") == "true" and os.getuid() == 0 else pytest.skip(cure)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def begun(small_disk: Path, bare_home: Path, _migrated: Path, _finished: Path) -> Home:
    """A home on the small disk in which nothing was computed, with its databases and what it knows of networks."""
    home = Home(small_disk / "home")
    begin(home, _migrated, _finished)
    return home


def _fill(ballast: BinaryIO) -> None:
    """Leave no room for another file."""
    for size in (1 << 20, 1 << 12):
        while True:
            try:
                ballast.write(bytes(size))
            except OSError:
                break


def _run_until_full(forks: Forks, home: Home, told: dict[str, str], asset: str, ballast: Path) -> Ended:
    """A run whose disk has no room from the moment on when an asset is done."""
    running = forks.start("run", "tiny", environment=told)
    begun = time.monotonic()
    with ballast.open("wb", buffering=0) as file:
        while running.seconds() is not None:
            if time.monotonic() - begun > _AT_MOST:
                running.kill()
            if asset in digests(home):
                _fill(file)  # what was freed meanwhile, too
            time.sleep(0.01)
    return running.wait()


@pytest.mark.slow(seconds=30)
def test_a_disk_that_becomes_full_in_mid_run_is_told_and_the_next_run_completes(
    recipe: Path, begun: Home, small_disk: Path, forks: Forks, tell: Tell
) -> None:
    """At moments when some assets are done; compared with a run that had room enough."""
    expected = digests(Home(product.pipeline().home.root))
    told, ballast = environment(begun, recipe.parents[1]), small_disk / "ballast"
    done: list[int] = []
    for asset in _FULL_AFTER:
        ended = _run_until_full(forks, begun, told, asset, ballast)
        ballast.unlink()
        assert ended.code == 1, ended
        assert any(words in ended.words for words in _WORDS), ended.words
        assert "Traceback" not in ended.words, ended.words
        done.append(assert_nothing_is_torn(begun))
    ended = forks.run("run", "tiny", environment=told)
    assert ended.code == 0, ended.words
    assert digests(begun) == expected
    assert_sound(begun)
    tell(
        f"a disk that became full in mid-run {len(done)} times, with {done} assets done: told, completed as it would be"
    )
