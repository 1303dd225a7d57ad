"""The history of an asset: the newest entry counts, and a cut write costs that entry alone."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from compression_ops.errors import CompressionError
from pipelines.state.history import History
from pipelines.state.materialization import Materialization, Source

ENTRY = Materialization(
    recipe="r", asset="student/small", time=1.0, derivation="d", parameters={"loss": {"type": "kd"}}, code={"m": "c"},
    inputs={"dataset": Source("x", "run", None, "1")}, action="a", artifact="f", digest="g", experiment_id="1",
    run_id="run1", model_id=None, computed=True, seconds=2.0, metrics={"b": 1.0, "a": 2.0}, warnings=("careful",),
)  # fmt: skip


def test_the_newest_entry_is_the_latest_and_comes_back_as_it_was(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.latest("r", "student/small") is None
    history.append(replace(ENTRY, run_id="run0"))
    history.append(ENTRY)
    assert history.latest("r", "student/small") == ENTRY
    assert len(list(history.all())) == 2


def test_an_entry_that_a_killed_process_cut_is_ignored_and_swallows_no_other(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append(ENTRY)
    path = tmp_path / "r" / "student" / "small.jsonl"
    with path.open("a") as stream:
        stream.write(path.read_text()[:40])
    assert history.latest("r", "student/small") == ENTRY
    newer = replace(ENTRY, run_id="run2")
    history.append(newer)
    assert history.latest("r", "student/small") == newer


def test_a_folder_in_a_files_place_and_a_file_in_a_folders_are_errors_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "history" / "r" / "student" / "small.jsonl").mkdir(parents=True)
    (tmp_path / "another").touch()
    for room, wrong, what in (
        ("history", "history/r/student/small.jsonl", "a folder, where a file"),
        ("another", "another", "a file, where a folder"),
    ):
        history = History(tmp_path / room)
        for ask in (partial(history.latest, "r", "student/small"), partial(history.append, ENTRY)):
            with pytest.raises(CompressionError, match=rf"{tmp_path / wrong} is {what} belongs.*\n.*move it away"):
                ask()
    with pytest.raises(CompressionError, match="move it away"):
        list(History(tmp_path / "history").of_asset("r", "student/small"))


def test_a_field_of_a_later_version_is_ignored(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append(ENTRY)
    path = tmp_path / "r" / "student" / "small.jsonl"
    path.write_text(path.read_text().replace('{"recipe"', '{"later": 1, "recipe"'))
    assert history.latest("r", "student/small") == ENTRY


@pytest.mark.parametrize(
    "end",
    [
        "",
        "\n",
        "\n\n",
        '\n{"recipe": "r", "ass',
        '\n{"recipe": "r", "ass\n',
        "\n\udcff\udcfe\0garbage",
        "\n" + "\0" * 5000,
    ],
    ids=["no newline", "whole", "blank", "torn", "torn and closed", "garbage", "zeros"],
)
@pytest.mark.parametrize("length", [1, 40_000], ids=["short entries", "entries of several blocks"])
def test_the_latest_is_the_last_that_a_reading_of_the_whole_file_finds(end: str, length: int, tmp_path: Path) -> None:
    history = History(tmp_path)
    path = tmp_path / "r" / "student" / "small.jsonl"
    for number in range(4):
        history.append(replace(ENTRY, run_id=f"run{number}", warnings=("w" * length,)))
        data = path.read_bytes()
        path.write_bytes(data.removesuffix(b"\n") + end.encode(errors="surrogateescape"))
        assert history.latest("r", "student/small") == list(history.of_asset("r", "student/small"))[-1]
        path.write_bytes(data)
    assert history.latest("r", "student/small") == replace(ENTRY, run_id="run3", warnings=("w" * length,))


def test_an_empty_history_has_no_latest(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "teacher.jsonl").touch()
    assert History(tmp_path).latest("r", "teacher") is None
