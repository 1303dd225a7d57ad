"""What MLflow's pages say of a run: few tags, its whole ancestry, and what changed since the asset's last result."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from mlflow.tracking import MlflowClient
from mlflow.utils import requirements_utils
from typer.testing import CliRunner

from compression_ops.errors import CompressionError
from pipelines.cli.app import app
from pipelines.lineage import changes, connection, description, experiment, names, runs
from pipelines.lineage.query import Node
from pipelines.lineage.run.computation import Computation
from pipelines.state import home as homes
from pipelines.state.materialization import Materialization, Source
from tests.pipelines import product

_MOST_TAGS = 12
_LINK = re.compile(r"\[[^\]]+\]\(#/experiments/(\w+)/runs/(\w+)\?workflowType=machine_learning\)")
_ANCESTOR = re.compile(r"- (?:\[([\w/]+)\]\(\S+\)|([\w/]+)) `\w+`(?:, whose run[^(]*)?(?: \((.+)\))?")
_SOFTER = ("temperature: 4.0", "temperature: 2.0")


@pytest.fixture
def client(home: Path) -> MlflowClient:
    """A client of the home's tracking store."""
    return connection.client(homes.current())


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> None:
    """What an earlier test read of a tracking store is forgotten, as between two commands."""
    runs.of_recipe.cache_clear()


def test_the_page_of_every_kind_shows_a_dozen_tags_at_most(recipe: Path, client: MlflowClient) -> None:
    for name in product.states():
        shown = [tag for tag in client.get_run(product.entry(name).run_id).data.tags if not tag.startswith("mlflow.")]
        assert len(shown) <= _MOST_TAGS, f"{name}: {shown}"


def test_a_description_begins_with_every_ancestor_once_and_what_each_was_made_from(
    recipe: Path, client: MlflowClient
) -> None:
    for name in product.states():
        told, _ = _told(client, name)
        entry = product.entry(name)
        assert _edges(told) == _edges_on_disk(entry), name
        assert set(_LINK.findall(told)) == {(found.experiment_id, found.run_id) for found in _ancestors(entry)}
        for found in _ancestors(entry):
            assert told.count(f"`{found.digest[:12]}`") == 1, f"{name} does not name {found.asset} once"
        assert _data_digest(entry)[:12] in told


def test_the_page_says_what_changed_since_the_last_result_of_the_asset(
    recipe: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements_utils, "_MODULES_TO_PACKAGES", None)
    assert _told(client, "student/small")[1] == "The first student/small of this recipe here."
    before = {name: product.entry(name) for name in product.states()}
    product.edit(recipe, *_SOFTER)
    product.run()
    student, int8 = (product.entry(name) for name in ("student/small", "quantized_student/int8"))
    _, news = _told(client, "student/small")
    assert news.startswith("Changed since [the last result](#/experiments/")
    assert f"/runs/{before['student/small'].run_id}?" in news
    assert news.splitlines()[1:] == ["", "- `students.small.loss.temperature` `4.0` → `2.0`"]
    _, news = _told(client, "quantized_student/int8")
    assert f"- input student/small `{before['student/small'].digest[:12]}` → `{student.digest[:12]}`" in news
    assert "→" not in news.replace(f"`{before['student/small'].digest[:12]}` → `{student.digest[:12]}`", "")

    product.pipeline().store.drop(int8.artifact)
    assert "quantized_student/int8" in product.computed()
    _, news = _told(client, "quantized_student/int8")
    assert news.startswith("Nothing changed since [the last result](")
    assert int8.run_id in news
    assert requirements_utils._MODULES_TO_PACKAGES is None, "recording a model reads no installed package's files"


def test_changed_code_and_changed_inputs_are_named(recipe: Path) -> None:
    entry, asset = product.entry("student/small"), product.pipeline().graph.assets["student/small"]
    module = "compression_ops.stages.student"
    edited = replace(entry, code=dict(entry.code) | {module: "another", "compression_ops.old": "gone"})
    assert changes.since(edited, asset, entry.inputs) == [
        "code of `compression_ops.old` removed",
        f"code of `{module}` changed",
    ]
    without = {name: source for name, source in entry.inputs.items() if name != "soft_labels"}
    assert changes.since(replace(entry, inputs=without), asset, entry.inputs) == ["input soft_labels added"]


def test_values_with_marks_in_them_stay_as_they_are(recipe: Path) -> None:
    entry, asset = product.entry("student/small"), product.pipeline().graph.assets["student/small"]
    values = dict(entry.parameters) | {"seed": "a*b_c|<d> `e`\nf"}
    (change,) = changes.since(replace(entry, parameters=values), asset, entry.inputs)
    assert change == "`students.small.seed` ``a*b_c|<d> `e` f`` → `0`"
    assert names.run_link("student/_x_", "1", "2").startswith(r"[student/\_x\_](#/experiments/1/runs/2?")
    assert names.run_link("a_b", None, None) == "a_b"


def test_one_question_to_mlflow_reads_the_whole_ancestry(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        answer = getattr(MlflowClient, name)

        def ask(self: MlflowClient, *arguments: Any, **options: Any) -> Any:
            if "RUNNING" not in str(arguments):  # runs of processes that were killed are looked for once a process
                asked.append(name)
            return answer(self, *arguments, **options)

        return ask

    for name in ("search_runs", "get_run", "search_logged_models", "get_logged_model"):
        monkeypatch.setattr(MlflowClient, name, counted(name))
    product.edit(recipe, "iterations: 20", "iterations: 21")
    product.run(patterns=["measurements"])
    assert sorted(asked) == ["search_logged_models", "search_runs"]
    asked.clear()
    product.edit(recipe, *_SOFTER)
    assert product.computed(patterns=["student/small"]) == {"student/small"}
    assert asked == [], "what it reads has been read before"


@pytest.mark.slow
def test_behind_a_run_that_is_gone_the_ancestry_goes_on(recipe: Path, client: MlflowClient) -> None:
    labels, teacher = product.entry("soft_labels"), product.entry("teacher")
    client.delete_run(teacher.run_id)  # into the trash, where its page still opens
    _delete_for_good(client, labels.run_id)
    product.edit(recipe, *_SOFTER)
    product.run()
    told, _ = _told(client, "student/small")
    assert f"- soft_labels `{labels.digest[:12]}`, whose run is not in this MLflow" in told
    assert f"/runs/{teacher.run_id}?" in told
    assert _edges(told) == _edges_on_disk(product.entry("student/small"))
    for name in ("student/small", "champion"):
        assert client.get_run(product.entry(name).run_id).info.status == "FINISHED"


@pytest.mark.slow
def test_an_experiment_that_somebody_renamed_stays_linked(recipe: Path, client: MlflowClient) -> None:
    before = product.entry("teacher")
    client.rename_experiment(before.experiment_id, "the tiny one")
    product.edit(recipe, *_SOFTER)
    product.run()
    after = product.entry("student/small")
    assert after.experiment_id != before.experiment_id
    assert (before.experiment_id, before.run_id) in _LINK.findall(_told(client, "student/small")[0])
    result = CliRunner().invoke(app(), ["lineage", "tiny", "student/small", "--json"])
    assert before.run_id in result.stdout


def test_an_experiment_that_somebody_deleted_is_restored_with_its_runs(recipe: Path, client: MlflowClient) -> None:
    before = product.entry("teacher")
    client.delete_experiment(before.experiment_id)
    lineage = runs.Lineage(homes.current(), "tiny")
    assert lineage.experiment_id == before.experiment_id
    assert client.get_experiment(before.experiment_id).lifecycle_stage == "active"
    assert client.get_run(before.run_id).info.lifecycle_stage == "active"
    client.delete_experiment(before.experiment_id)  # while it is in use
    made = lineage._create_run("later", {})  # pyright: ignore[reportPrivateUsage]
    assert client.get_run(made.info.run_id).info.experiment_id == before.experiment_id


def test_an_experiment_that_cannot_be_restored_is_told_with_the_command(
    recipe: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = product.entry("teacher").experiment_id
    client.delete_experiment(found)

    def refuse(*_: object) -> None:
        raise MlflowException("not allowed", error_code=PERMISSION_DENIED)

    monkeypatch.setattr(MlflowClient, "restore_experiment", refuse)
    with pytest.raises(CompressionError, match=f"mlflow experiments restore --experiment-id {found}"):
        runs.Lineage(homes.current(), "tiny")


def test_the_experiment_says_what_it_is_and_keeps_what_a_person_writes(recipe: Path, client: MlflowClient) -> None:
    found = client.get_experiment_by_name("tiny")
    assert found is not None
    told = found.tags["mlflow.note.content"]
    assert told.splitlines()[0] == (
        "Recipe `tiny`: simple_cnn on digits, distilled into small (tiny_cnn), quantized as int8."
    )
    assert "`models:/tiny@champion` loads it" in told
    experiment.open_for(client, homes.current(), "tiny", "another architecture")
    assert "another architecture" in client.get_experiment(found.experiment_id).tags["mlflow.note.content"]
    client.set_experiment_tag(found.experiment_id, "mlflow.note.content", "ours")
    experiment.open_for(client, homes.current(), "tiny", "a third one")
    assert client.get_experiment(found.experiment_id).tags["mlflow.note.content"] == "ours"


def test_an_ancestry_too_long_for_a_description_is_shortened_there_and_whole_in_a_file(
    recipe: Path, client: MlflowClient, tmp_path: Path
) -> None:
    data = Node("dataset", _digest("data"), "FINISHED", "tiny", "1", "d" * 32)
    students = tuple(
        Node(f"student/s{n}", _digest(f"{n}"), "FINISHED", "tiny", "1", f"{n:032x}", relatives=(data,))
        for n in range(300)
    )
    pipeline = product.pipeline()
    asset, entry = pipeline.graph.assets["measurements"], product.entry("measurements")
    last = Source(entry.digest, entry.run_id, None, entry.experiment_id)
    text = description.of_run((data, *students), description.news("measurements", (), last))
    assert len(text) <= names.TAG_LIMIT
    assert text.endswith("the same was computed once more.")
    assert f"all of it is in `{names.ANCESTRY_FILE}`" in text
    computation = Computation(
        recipe="tiny",
        asset="measurements",
        kind="measurements",
        parameters=asset.values,
        derivation="",
        action="",
        sources=entry.inputs,
        dagster_run_id="",
        started=entry.time,
        tags={},
        is_model=False,
        is_evaluation=True,
        reads_test=True,
        made_from=(data, *students),
        changes=(),
        last=last,
    )
    lineage = runs.of_recipe(pipeline.home, pipeline.home.tracking_uri, "tiny")
    run_id = lineage.start(computation)
    assert client.get_run(run_id).data.tags["mlflow.note.content"] == text
    whole = Path(client.download_artifacts(run_id, names.ANCESTRY_FILE, str(tmp_path))).read_text()
    assert all(f"/runs/{student.run_id}?" in whole for student in students)


def _told(client: MlflowClient, name: str) -> tuple[str, str]:
    """The ancestry and the news of the newest run of an asset."""
    told, _, news = client.get_run(product.entry(name).run_id).data.tags["mlflow.note.content"].partition("\n\n")
    return told, news


def _ancestors(entry: Materialization) -> list[Materialization]:
    """All that it was made from, by the histories on disk."""
    history = product.pipeline().history
    found: dict[str, Materialization] = {}
    for name, source in entry.inputs.items():
        for made in history.of_asset("tiny", name):
            if made.run_id == source.run_id:
                found |= {made.asset: made} | {other.asset: other for other in _ancestors(made)}
    return list(found.values())


def _edges_on_disk(entry: Materialization) -> set[tuple[str, str]]:
    """(asset, what it was made from); the asset of the page is ``."""
    own = {("", name) for name in entry.inputs}
    return own | {(found.asset, name) for found in _ancestors(entry) for name in found.inputs}


def _edges(told: str) -> set[tuple[str, str]]:
    """(asset, what it was made from) as a reader of the indented list sees it."""
    found: set[tuple[str, str]] = set()
    above = [""]
    for line in told.splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        match = _ANCESTOR.fullmatch(line.strip())
        mentioned = re.fullmatch(r"- ([\w/, ]+): above", line.strip())
        assert match or mentioned, line
        parent = above[depth]
        if mentioned:
            found |= {(parent, name) for name in mentioned[1].split(", ")}
            continue
        assert match
        name = match[1] or match[2]
        found.add((parent, name))
        above = [*above[: depth + 1], name]
        for place in re.findall(r"([\w/, ]+): (?:above|below)", match[3] or ""):
            found |= {(name, known) for known in place.strip().split(", ")}
    return found


def _data_digest(entry: Materialization) -> str:
    (data,) = [found for found in [entry, *_ancestors(entry)] if found.asset == "dataset"]
    return data.inputs["raw_data"].digest


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def _delete_for_good(client: MlflowClient, run_id: str) -> None:
    """As `mlflow gc`, which would delete the files as well: of the home that this one is a copy of."""
    client.delete_run(run_id)
    client._tracking_client.store._hard_delete_run(run_id)
