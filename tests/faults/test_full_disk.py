"""A disk that is full at every single step of a write: told, what was there is there, and nothing is left over.

Before a run: tests/pipelines/state/test_room.py. While a data set is unpacked: tests/compression_ops/data/storage.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from tests.faults.conftest import Tell
from tests.faults.kill_points import refusals
from tests.pipelines.state.test_history import ENTRY

_NEWER = replace(ENTRY, run_id="run2")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """An empty store on the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")


def _assert_told(words: str) -> None:
    assert "No space left on device" in words or "is the disk full?" in words


def test_an_artifact_is_absent_or_whole_after_a_full_disk_at_every_step(
    store: ArtifactStore, tmp_path: Path, tell: Tell
) -> None:
    output, count = tmp_path / "output", 0

    def prepare() -> None:
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        (output / "model.onnx").write_bytes(b"\x08\x09" * 3000)

    prepare()
    for words in refusals(lambda: store.put(output)):
        for artifact in list(store.ids()):
            assert {path.name for path in store.fetch(artifact).iterdir()} == {"model.onnx", "manifest.json"}
            store.drop(artifact)
        assert [path for path in (tmp_path / "store").rglob("*") if path.is_file() or path.name.startswith(".")] == []
        if words:
            _assert_told(words)
            count += 1
        prepare()
    assert count >= 6
    tell(f"a full disk at {count} steps of storing an artifact: each one told, nothing left over")


@pytest.mark.parametrize("what", ["an action", "a history"])
def test_an_action_and_a_history_are_as_they_were_after_a_full_disk_at_every_step(
    what: str, store: ArtifactStore, tmp_path: Path, tell: Tell
) -> None:
    actions, history, count = ActionCache(store), History(tmp_path / "history"), 0
    actions.put(ENTRY)
    history.append(ENTRY)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json*")}
    for words in refusals(lambda: actions.put(_NEWER) if what == "an action" else history.append(_NEWER)):
        if words:
            _assert_told(words)
            count += 1
        assert actions.get(ENTRY.action) in ((ENTRY,) if words else (ENTRY, _NEWER))
        assert next(history.all()) == ENTRY
        assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(before), "nothing is left over"
        for path, content in before.items():
            path.write_bytes(content)
    assert count >= 2
    tell(f"a full disk at {count} steps of writing {what}: each one told, nothing lost")
