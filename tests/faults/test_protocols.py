"""A kill at every single step of every write of the home: what was there is there, what was begun is whole or absent,
and the same write, done again, ends as if nobody had been killed.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.observed import generation, known_digests
from pipelines.observed.known_digests import KnownDigests
from pipelines.retention import artifacts, histories
from pipelines.retention.artifacts import Stores
from pipelines.retention.referring import Referring
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.artifacts import Artifact, ArtifactStore, ArtifactUnavailable
from pipelines.state.history import History
from pipelines.state.home import Home
from pipelines.state.recorded import Record
from tests.faults.conftest import Tell
from tests.faults.kill_points import kills
from tests.pipelines.state.test_history import ENTRY

_FILES = {"model.onnx": b"\x08\x09" * 3000, "network.json": b'{"layers": [1, 2]}', "report.md": b"# Report\n"}
_NEWER = replace(ENTRY, run_id="run2")


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill loses nothing that was written; what loses it is tested at the end."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty store on the disk."""
    return ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")


def _output(folder: Path) -> Path:
    """What a stage wrote: new files, since those that were stored are the store's."""
    made = folder / "output"
    made.mkdir(exist_ok=True)
    for path in made.iterdir():
        path.unlink()
    for file, content in _FILES.items():
        (made / file).write_bytes(content)
    return made


def _is_served(store: ArtifactStore, artifact: Artifact) -> bool:
    """Fails where what is served is not what was written."""
    try:
        folder = store.fetch(artifact.id)
    except ArtifactUnavailable:
        return False
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"} == _FILES
    return True


@pytest.mark.parametrize("before", ["nothing", "half of it", "a damaged one"])
def test_an_artifact_that_is_stored_is_whole_or_absent_after_a_kill_at_every_step(
    before: str, store: ArtifactStore, tmp_path: Path, tell: Tell
) -> None:
    artifact = store.identify(_output(tmp_path))

    def prepare() -> None:
        store.drop(artifact.id)
        if before != "nothing":
            store.put(_output(tmp_path))
            folder = store.fetch(artifact.id)
            if before == "half of it":
                (folder / "manifest.json").unlink()
            else:
                (folder / "report.md").write_bytes(b"# Rep0rt\n")
        _output(tmp_path)

    prepare()
    seen: list[bool] = []
    for step in kills(lambda: store.put(tmp_path / "output")):
        seen.append(_is_served(store, artifact))
        assert store.put(_output(tmp_path)) == artifact, f"after a kill at step {step}"
        assert _is_served(store, artifact), f"after a kill at step {step}"
        prepare()
    assert _is_served(store, artifact), "nobody killed the last one"
    assert len(seen) >= 12
    assert seen == sorted(seen), "absent up to one step, whole from there on"
    assert set(seen) == {False, True}
    tell(f"storing an artifact over {before}: killed at each of its {len(seen)} steps, absent or whole each time")


def test_an_artifact_that_is_dropped_is_whole_or_absent_after_a_kill_at_every_step(
    store: ArtifactStore, tmp_path: Path, tell: Tell
) -> None:
    artifact, seen = store.put(_output(tmp_path)), list[bool]()
    for step in kills(lambda: store.drop(artifact.id)):
        seen.append(_is_served(store, artifact))
        assert store.put(_output(tmp_path)) == artifact, f"after a kill at step {step}"
        assert _is_served(store, artifact)
    assert not store.contains(artifact.id)
    assert len(seen) >= 5
    tell(f"dropping an artifact: killed at each of its {len(seen)} steps, whole or absent each time")


@pytest.mark.parametrize("before", ["nothing", "an older one"])
def test_a_known_action_is_the_old_one_or_the_new_after_a_kill_at_every_step(
    before: str, store: ArtifactStore, tell: Tell
) -> None:
    actions, seen = ActionCache(store), list[bool]()
    old = None if before == "nothing" else ENTRY

    def prepare() -> None:
        actions.remove(ENTRY.action)
        if old is not None:
            actions.put(old)

    prepare()
    for _ in kills(lambda: actions.put(_NEWER)):
        found = actions.get(ENTRY.action)
        assert found in (old, _NEWER)
        assert actions.entries() == ([] if found is None else [found])
        seen.append(found == _NEWER)
        prepare()
    assert actions.get(ENTRY.action) == _NEWER
    assert len(seen) >= 4
    tell(f"remembering an action over {before}: killed at each of its {len(seen)} steps, the old one or the new")


@pytest.mark.parametrize("before", ["nothing", "two entries", "an entry that was cut"])
def test_a_history_has_its_old_entries_and_the_new_one_or_not_after_a_kill_at_every_step(
    before: str, tmp_path: Path, tell: Tell
) -> None:
    history, file = History(tmp_path), tmp_path / "r" / "student" / "small.jsonl"
    old = [] if before == "nothing" else [ENTRY, replace(ENTRY, run_id="run1b")]
    for entry in old:
        history.append(entry)
    content = file.read_bytes() if old else b""
    if before == "an entry that was cut":
        content += content[:100]
        file.write_bytes(content)
    seen: list[bool] = []
    for _ in kills(lambda: history.append(_NEWER)):
        found = list(history.all())
        seen.append(_NEWER in found)
        assert found in (old, [*old, _NEWER])
        assert history.latest("r", "student/small") == (found[-1] if found else None)
        history.append(_NEWER)
        assert history.latest("r", "student/small") == _NEWER
        assert list(history.all())[: len(old)] == old, "no earlier entry is lost"
        file.write_bytes(content)
    assert list(history.all()) == [*old, _NEWER]
    assert len(seen) >= 3
    tell(f"appending to a history with {before}: killed at each of its {len(seen)} steps, no earlier entry was lost")


def test_a_generation_is_the_old_one_or_the_new_after_a_kill_at_every_step(tmp_path: Path, tell: Tell) -> None:
    home, seen = Home(tmp_path), list[int]()
    generation.advance(home, "r", 1)
    for _ in kills(lambda: generation.advance(home, "r", 2)):
        seen.append(generation.current(home, "r"))
        (tmp_path / "generations" / "r.json").write_text('{"generation": 1}')
    assert generation.current(home, "r") == 2
    assert set(seen) <= {1, 2}
    assert len(seen) >= 3
    tell(f"asking for new seeds: killed at each of its {len(seen)} steps, the old generation or the new")


def test_known_digests_are_the_old_ones_or_the_new_after_a_kill_at_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:
    monkeypatch.setattr(known_digests, "_TICK_NS", -(10**12))  # a file that was just written is trusted
    home, raw, seen = Home(tmp_path), tmp_path / "raw", list[list[str]]()
    raw.write_bytes(b"pixels")
    old = json.dumps({"another": ["stamp", "digest"]})

    def read() -> None:
        known = KnownDigests(home)
        known.digest(raw)
        known.save()

    home.raw_digests.write_text(old)
    for _ in kills(read):
        seen.append(list(json.loads(home.raw_digests.read_text())))
        home.raw_digests.write_text(old)
    assert list(json.loads(home.raw_digests.read_text())) == ["another", str(raw)]
    assert all(kept in (["another"], ["another", str(raw)]) for kept in seen)
    assert len(seen) >= 3
    tell(f"keeping digests of files: killed at each of its {len(seen)} steps, the old ones or the new")


def test_a_history_that_is_made_short_is_the_old_one_or_the_new_after_a_kill_at_every_step(
    tmp_path: Path, tell: Tell
) -> None:
    """Of three assets: one loses entries, one nothing, one a line that is no entry; and later ids of the lost go."""
    home, now = Home(tmp_path), time.time()
    history, actions = History(home.history), ActionCache(ArtifactStore(home.store_url, tmp_path / "cache"))
    for number, days in enumerate((90, 60, 40, 3)):
        history.append(replace(ENTRY, time=now - days * 86_400, run_id=f"run{number}", inputs={}))
    history.append(replace(ENTRY, asset="dataset", time=now - 50 * 86_400, run_id="of the dataset", inputs={}))
    (home.root / "history" / "r" / "teacher.jsonl").write_bytes(b"cut\n")
    history.append(replace(ENTRY, asset="teacher", time=now, run_id="of the teacher", inputs={}))
    for run_id in ("run0", "run3"):
        history.complete(run_id, Record("1", f"later {run_id}", None))

    def collect() -> None:
        for pile in histories.piles(home, actions, now - 30 * 86_400):
            pile.remove()

    files = sorted(path for path in (home.root / "history").rglob("*") if path.is_file())
    old = [path.read_bytes() for path in files]
    collect()
    new, seen = [path.read_bytes() for path in files], list[int]()
    assert [len(after) < len(before) for before, after in zip(old, new, strict=True)] == [False, True, True, True]
    for _ in _restored(kills(collect), files, old):
        found = [path.read_bytes() for path in files]
        assert all(lines in either for lines, *either in zip(found, old, new, strict=True))
        newest = history.latest("r", ENTRY.asset)
        assert newest is not None
        assert newest.run_id == "later run3", "an entry's later id goes after it"
        seen.append(sum(lines == after != before for lines, before, after in zip(found, old, new, strict=True)))
        collect()
        assert [path.read_bytes() for path in files] == new, "the next one ends what was begun"
    assert [path.read_bytes() for path in files] == new, "nobody killed the last one"
    assert seen == sorted(seen)
    assert set(seen) >= {0, 1, 2}
    tell(f"making histories short: killed at each of its {len(seen)} steps, the old lines or the new")


def _restored(steps: Iterator[int], files: Sequence[Path], contents: Sequence[bytes]) -> Iterator[int]:
    """The steps, with these files before each as they were."""
    for path, content in zip(files, contents, strict=True):
        path.write_bytes(content)
    for step in steps:
        yield step
        for path, content in zip(files, contents, strict=True):
            path.write_bytes(content)


def test_garbage_is_whole_or_gone_and_no_known_action_leads_nowhere_after_a_kill_at_every_step(
    store: ArtifactStore, tmp_path: Path, tell: Tell
) -> None:
    stores, actions = Stores(store, ActionCache(store), tuple[Referring, ...]), ActionCache(store)

    def prepare() -> Artifact:
        artifact = store.put(_output(tmp_path))
        actions.put(replace(ENTRY, artifact=artifact.id))
        os.utime(store.fetch(artifact.id) / "manifest.json", (1, 1))
        return artifact

    def collect() -> None:
        artifacts.remove(stores, 2.0, artifacts.find(stores, 2.0))

    artifact, seen = prepare(), list[tuple[bool, bool]]()
    for _ in kills(collect):
        seen.append((actions.get(ENTRY.action) is None, not _is_served(store, artifact)))
        assert seen[-1] != (False, True), "the action goes first"
        collect()
        assert (actions.entries(), list(store.ids())) == ([], [])
        prepare()
    assert (actions.entries(), list(store.ids())) == ([], [])
    assert seen == sorted(seen)
    assert set(seen) == {(False, False), (True, False), (True, True)}
    tell(f"removing garbage: killed at each of its {len(seen)} steps, each thing whole or gone")


def test_before_anything_has_its_name_all_of_it_is_on_the_disk(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a loss of power, which keeps renames and loses what was not flushed, leaves nothing torn either."""
    flushed, named, original = list[Path](), list[Path](), Path.rename

    def flush(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    def rename(self: Path, target: Path) -> Path:
        assert {self, *(self.iterdir() if self.is_dir() else ())} <= set(flushed)
        named.append(target)
        return original(self, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(known_digests, "_TICK_NS", -(10**12))  # a file that was just written is trusted
    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(Path, "replace", rename)
    artifact = store.put(_output(tmp_path))
    ActionCache(store).put(ENTRY)
    assert [path.name for path in named] == [artifact.id, f"{ENTRY.action}.json"]
    home, raw = Home(tmp_path), tmp_path / "raw"
    raw.write_bytes(b"pixels")
    generation.advance(home, "r", 1)
    known = KnownDigests(home)
    known.digest(raw)
    known.save()
    assert named[2:] == [tmp_path / "generations" / "r.json", home.raw_digests]
    assert named[0].parent in flushed, "the artifact's name, too"
    History(tmp_path / "history").append(ENTRY)
    assert flushed[-1] == tmp_path / "history" / "r" / "student" / "small.jsonl"
