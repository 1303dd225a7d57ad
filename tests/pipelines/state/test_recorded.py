"""What a computation got in MLflow after its entry was written: told to whoever reads the history, which stays."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.state.history import History
from pipelines.state.materialization import Source, Unrecorded, from_json, to_json
from pipelines.state.recorded import Record
from tests.pipelines.state.test_history import ENTRY

_UNRECORDED = Unrecorded(
    run_id="begun", kind="student", started=1.0, ended=2.0, dagster_run_id="d", parameters={"seed": 3},
    epochs=({"loss": 1.0}, {"loss": 0.5}), tags={"mlflow.user": "ada"}, changes=("a → b",),
    last=Source("x", "unrecorded-0", None, ""),
)  # fmt: skip
_LATER = replace(ENTRY, run_id="unrecorded-1", experiment_id="", unrecorded=_UNRECORDED)
_CONSUMER = replace(ENTRY, asset="report", inputs={"student/small": Source("g", "unrecorded-1", None, "", "f", "d")})


def test_what_mlflow_is_to_be_told_comes_back_as_it_was() -> None:
    assert from_json(json.loads(json.dumps(to_json(_LATER)))) == _LATER
    first = replace(_LATER, unrecorded=replace(_UNRECORDED, changes=None, last=None))
    assert from_json(json.loads(json.dumps(to_json(first)))) == first


def test_a_run_that_was_made_later_stands_in_every_entry_that_names_the_computation(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append(_LATER)
    history.append(_CONSUMER)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    history.complete("unrecorded-1", Record("7", "run7", "m-7"))
    for reader in (history, History(tmp_path)):
        assert reader.latest("r", "student/small") == replace(
            ENTRY, experiment_id="7", run_id="run7", model_id="m-7", unrecorded=None
        )
        consumer = reader.latest("r", "report")
        assert consumer is not None
        assert consumer.inputs["student/small"] == Source("g", "run7", "m-7", "7", "f", "d")
    assert history.latest_as_written("r", "student/small") == _LATER
    assert {path: path.read_bytes() for path in before} == before, "a history is only added to"
    history.complete("unrecorded-1", Record("8", "run8", None))
    assert [entry.run_id for entry in history.of_asset("r", "student/small")] == ["run8"], "the newest counts"


def test_a_run_that_was_lost_and_recorded_anew_is_followed_to_where_it_stands_now(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append(_LATER)
    history.append(_CONSUMER)
    history.complete("unrecorded-1", Record("7", "run7", "m-7"))
    history.append(replace(ENTRY, run_id="run7", experiment_id="7", model_id="m-7", computed=False))
    history.complete("run7", Record("8", "run8", "m-8"))
    history.complete("run8", Record("7", "run7", "m-7"))  # which nobody writes: it must end all the same
    history.complete("run7", Record("8", "run9", "m-9"))
    consumer = history.latest("r", "report")
    assert consumer is not None
    assert consumer.inputs["student/small"].run_id == "run9"
    assert {entry.run_id for entry in history.of_asset("r", "student/small")} == {"run9"}


@pytest.mark.parametrize("line", ['{"of": "unrecorded-1", "exp', "5", "null", '{"of": 1, "run_id": 2}', "[" * 100_000])
def test_a_line_that_was_cut_or_edited_is_not_known(line: str, tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append(_LATER)
    (tmp_path / "recorded.lines").write_text(line)
    assert history.latest("r", "student/small") == _LATER
    history.complete("unrecorded-1", Record("7", "run7", None))
    found = history.latest("r", "student/small")
    assert found is not None
    assert found.run_id == "run7"


@pytest.mark.parametrize("wrong", [{"epochs": 5}, {"last": {"x": 1}}, {"more": 1}, "text", [1]])
def test_an_entry_whose_account_was_edited_by_hand_is_no_entry(wrong: object, tmp_path: Path) -> None:
    fields = to_json(_LATER)
    fields["unrecorded"] = fields["unrecorded"] | wrong if isinstance(wrong, dict) else wrong
    with pytest.raises(ValueError, match="no materialization"):
        from_json(fields)
