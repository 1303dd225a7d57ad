"""Homes that can only be read, that belong to somebody else, whose clock was set back, or that lie elsewhere now.

What MLflow keeps of a home that was moved: tests/pipelines/lineage/database/test_relocation.py.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compression_ops.errors import CompressionError
from pipelines.cli import main
from pipelines.lineage import connection
from pipelines.orchestration import instance as instances
from pipelines.retention import artifacts
from pipelines.state import room
from pipelines.state.artifacts import ArtifactStore, ArtifactUnavailable
from pipelines.state.history import History
from pipelines.state.home import Home
from tests.faults.conftest import Tell
from tests.pipelines import product
from tests.pipelines.images import image
from tests.pipelines.state.test_history import ENTRY

_NOBODY = 65534
_YEAR = 365 * 86_400.0  # seconds


def _command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of a command in this process; a traceback is a failure of the test."""
    monkeypatch.setattr(sys, "argv", ["compression", *arguments])
    try:
        main._run()  # pyright: ignore[reportPrivateUsage]
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def read_only(recipe: Path, home: Path) -> Iterator[Path]:
    """A finished home on a file system that is mounted to be read only."""
    connection.prepare(Home(home))  # it was copied
    folder = product.pipeline().store.fetch(product.entry("teacher").artifact)
    file = max(folder.iterdir(), key=lambda file: file.stat().st_size)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    bound = subprocess.run(["mount", "--bind", home, home], capture_output=True, check=False)
    if os.getuid() != 0 or bound.returncode != 0:
        pytest.skip("a file system can be mounted by root alone: run the tests as root, in a container that may mount")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", home], check=True)
        yield home
    finally:
        subprocess.run(["umount", home], check=True)


def test_a_home_that_can_only_be_read_answers_and_refuses_to_run(
    read_only: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    image(tmp_path / "grey.png", 120)
    for arguments in (("status", "tiny"), ("check", "tiny"), ("report", "tiny")):
        assert _command(monkeypatch, *arguments) == 0, (arguments, capfd.readouterr())
    for arguments in (("predict", "tiny", str(tmp_path / "grey.png")), ("lineage", "tiny")):
        assert _command(monkeypatch, *arguments) == 1, "SQLite writes beside a database that it reads"
        assert "mlflow.db cannot be written" in capfd.readouterr().err
    product.edit(recipe, "max_accuracy_drop: 100", "max_accuracy_drop: 99")
    assert _command(monkeypatch, "run", "tiny") == 1
    assert "cannot be written" in capfd.readouterr().err
    with pytest.raises(ArtifactUnavailable, match=r"was damaged .* and cannot be removed: Read-only file system"):
        product.pipeline().store.fetch(product.entry("teacher").artifact)


def _as_nobody(action: Callable[[], object]) -> str:
    """What is raised in a process of a user without any rights, as `Class: words`; `nothing`."""
    if os.getuid() != 0:
        pytest.skip("root alone can become another user: run the tests as root")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        words = "a traceback"
        try:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
            action()
            words = "nothing"
        except (CompressionError, OSError) as error:
            words = f"{type(error).__name__}: {error}"
        finally:
            os.write(writer, words.encode())
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as stream:
        return stream.read()


def test_a_home_of_somebody_elses_is_refused_and_what_may_not_be_read_is_not_taken_for_damaged(memory: Path) -> None:
    memory.chmod(0o755)
    (memory / "home").mkdir(mode=0o755)
    words = _as_nobody(lambda: room.require(Home(memory / "home")))
    assert words.startswith(f"CompressionError: the folder {memory / 'home'} cannot be written")
    for part in ("history/r/student/small.jsonl", "running/turn-9d8.lock", "store/actions/ab"):
        path = memory / "home" / part
        (path if not path.suffix else path.parent).mkdir(parents=True)
        (path / "an action.json" if not path.suffix else path).touch(0o644)  # what is replaced may be another's
        for above in path.relative_to(memory / "home").parents:
            (memory / "home" / above).chmod(0o777)
        words = _as_nobody(lambda: room.require(Home(memory / "home")))
        what = "file" if path.suffix else "folder"
        assert words.startswith(f"CompressionError: the {what} {path} cannot be written: it belongs to root"), words
        assert f"chown -R {_NOBODY} {memory / 'home'}`, or set COMPRESSION_HOME" in words
        path.chmod(0o777)
    assert _as_nobody(lambda: room.require(Home(memory / "home"))) == "nothing"
    store = ArtifactStore(str(memory / "store"), memory / "cache")
    (memory / "output").mkdir()
    (memory / "output" / "model.onnx").write_bytes(b"weights")
    artifact = store.put(memory / "output")
    folder = store.fetch(artifact.id)
    for path in (folder, folder.parent, folder.parent.parent, memory / "store"):
        path.chmod(0o777)
    for name in ("model.onnx", "manifest.json"):
        (folder / name).chmod(0o600)
        words = _as_nobody(lambda: store.fetch(artifact.id))
        assert words.startswith(f"CompressionError: {folder / name} cannot be read: Permission denied")
        assert "let whoever runs this read" in words
    assert store.fetch(artifact.id) == folder, "it is still there"


def test_the_newest_entry_is_the_last_one_however_the_clock_was_set(tmp_path: Path) -> None:
    home = Home(tmp_path)
    store = ArtifactStore(home.store_url, tmp_path / "cache")
    history, stored = History(home.history), list[str]()
    for number, moment in enumerate((time.time(), time.time() + 10 * _YEAR, time.time() - 10 * _YEAR)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "x.txt").write_text(str(number))
        stored.append(store.put(folder).id)
        history.append(replace(ENTRY, time=moment, artifact=stored[-1], run_id=f"run{number}"))
        os.utime(store.fetch(stored[-1]) / "manifest.json", (1, 1))
    latest = history.latest("r", "student/small")
    assert latest is not None
    assert latest.run_id == "run2"
    assert [entry.run_id for entry in history.all()] == ["run0", "run1", "run2"]
    garbage = artifacts.find(artifacts.Stores.of(home), time.time())
    assert garbage.artifacts == (stored[0],), "neither the newest nor one of the future"


@pytest.mark.slow
def test_a_clock_that_was_set_back_hides_no_result(recipe: Path, monkeypatch: pytest.MonkeyPatch, tell: Tell) -> None:
    before, clock = product.entry("benchmark_report"), time.time
    product.edit(recipe, "max_accuracy_drop: 100", "max_accuracy_drop: 99")
    monkeypatch.setattr(time, "time", lambda: clock() - 10 * _YEAR)
    assert product.computed() == {"benchmark_report"}
    assert product.entry("benchmark_report").time < before.time - 9 * _YEAR
    assert set(product.states().values()) == {"fresh"}
    product.edit(recipe, "max_accuracy_drop: 99", "max_accuracy_drop: 100")
    assert product.computed() == set(), "what was made in the future is known"
    assert product.entry("benchmark_report").digest == before.digest
    tell("a clock that was set back by ten years: the newest entry is the last that was appended")


@pytest.mark.slow
@pytest.mark.wasm
def test_every_command_answers_from_a_home_that_was_moved(
    recipe: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A rename, so that nothing is left where it was; `_finished` itself lay elsewhere."""
    moved, page = tmp_path / "elsewhere", tmp_path / "page.html"
    home.rename(moved)
    monkeypatch.setenv("COMPRESSION_HOME", str(moved))
    image(tmp_path / "grey.png", 120)
    commands = (
        ("status", "tiny"),
        ("report", "tiny"),
        ("predict", "tiny", str(tmp_path / "grey.png")),
        ("compare", "tiny", "student/small", "champion"),
        ("demo", "tiny", "--output", str(page)),
        ("lineage", "tiny"),
        ("run", "tiny"),
    )
    for arguments in commands:
        assert _command(monkeypatch, *arguments) == 0, (arguments, capfd.readouterr().err)
    with instances.opened(Home(moved)) as instance:  # what `ui` serves
        assert len(instance.get_runs()) >= 1
    assert set(product.states().values()) == {"fresh"}
    assert not home.exists()
