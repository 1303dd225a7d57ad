"""State that somebody edited or damaged by hand: taken as not known, or told in a sentence; never a traceback."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compression_ops.errors import CompressionError
from pipelines.execution import dry_run
from pipelines.graph import parsed_modules
from pipelines.graph.code_closure import Code
from pipelines.lineage import inputs, names
from pipelines.observed import generation
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.home import Home
from pipelines.state.materialization import to_json
from tests.pipelines.state.test_history import ENTRY

_GARBAGE: list[Any] = [
    b"",
    b"{",
    b"\xff\xfe",
    b"5",
    b"null",
    b"[]",
    b'"text"',
    b'{"a": 5}',
    b'{"a": [1, 2]}',
    b"[" * 100_000,
]


def _edits() -> list[Any]:
    """An entry as edits by hand leave it: without a field, or with one of another type."""
    fields = to_json(ENTRY)
    lacking = [
        {key: value for key, value in fields.items() if key != name} for name in ("inputs", "digest", "warnings")
    ]
    wrong = [("digest", 5), ("artifact", None), ("metrics", [1]), ("inputs", {"dataset": 5}), ("checks", [{"x": 1}])]
    return [*lacking, *(fields | {name: value} for name, value in wrong)]


@pytest.mark.parametrize("line", [*_GARBAGE, *(json.dumps(edit).encode() for edit in _edits())])
def test_a_line_of_a_history_that_is_no_entry_any_more_leaves_the_one_before_it(line: bytes, tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append(ENTRY)
    path = tmp_path / "r" / "student" / "small.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    assert history.latest("r", "student/small") == ENTRY
    assert list(history.all()) == [ENTRY]
    newer = replace(ENTRY, run_id="run2")
    history.append(newer)
    assert history.latest("r", "student/small") == newer


@pytest.mark.parametrize("content", [*_GARBAGE, *(json.dumps(edit).encode() for edit in _edits())])
def test_a_known_action_that_is_damaged_is_not_known(content: bytes, tmp_path: Path) -> None:
    actions = ActionCache(ArtifactStore(str(tmp_path), tmp_path / "cache"))
    actions.put(ENTRY)
    assert actions.get(ENTRY.action) == ENTRY
    (file,) = (tmp_path / "actions").rglob("*.json")
    file.write_bytes(content)
    assert actions.get(ENTRY.action) is None
    assert actions.entries() == []


@pytest.mark.parametrize("entry", [[1, [], []], ["d", [5], []], ["d", "text"], None, "d"])
def test_parsed_modules_that_are_damaged_are_parsed_again(
    entry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "parsed_modules.json"
    closure = Code(file).closure(("compression_ops.seeds",))
    monkeypatch.setattr(parsed_modules, "_of_this_process", {})
    file.write_text(json.dumps(dict.fromkeys(json.loads(file.read_text()), entry)))
    assert Code(file).closure(("compression_ops.seeds",)) == closure


@pytest.mark.parametrize("content", _GARBAGE[:5])
def test_what_a_dry_run_left_is_read_only_where_it_is_whole(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('["careful"]')
    assert dry_run._known(file) == ("careful",)  # pyright: ignore[reportPrivateUsage]
    file.write_bytes(content)
    assert dry_run._known(file) is None  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("content", _GARBAGE)
def test_a_generation_that_nothing_tells_any_more_is_an_error_with_a_cure(content: bytes, tmp_path: Path) -> None:
    home = Home(tmp_path)
    generation.advance(home, "r", 3)
    (tmp_path / "generations" / "r.json").write_bytes(content)
    with pytest.raises(CompressionError, match=r"generation the seeds of recipe 'r' have\n.*write"):
        generation.current(home, "r")


@pytest.mark.parametrize("value", ["", "{", "5", '{"assets": 5}', '{"assets": ["a"], "digest": 5, "position": 0}'])
def test_a_tag_of_a_run_that_was_edited_hides_one_parent_alone(value: str) -> None:
    tags = {f"{names.INPUT}{'f' * 32}": value}
    whole = {f"{names.INPUT}d": json.dumps({"assets": ["raw_data"], "digest": "d", "position": 1})}
    assert list(inputs.from_tags(tags | whole)) == ["raw_data"]


@pytest.mark.parametrize("damage", ["cut", "removed", "manifest"])
def test_an_artifact_with_files_that_are_missing_or_cut_does_not_look_whole(damage: str, tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("hello")
    artifact = store.put(tmp_path / "a")
    assert store.looks_whole(artifact.id)
    folder = store.fetch(artifact.id)
    match damage:
        case "cut":
            (folder / "x.txt").write_text("hell")
        case "removed":
            (folder / "x.txt").unlink()
        case _:
            (folder / "manifest.json").write_bytes(b"\xff[]")
    assert not store.looks_whole(artifact.id)
    assert store.contains(artifact.id) or damage == "manifest"
