"""The command line as its users see it: words, JSON, exit codes; never a traceback."""

import dataclasses
import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.pipelines import product, recipes
from tests.pipelines.cli.command import compression

_ASSETS = [
    "dataset", "teacher", "soft_labels", "student/small", "control/small", "quantized_student/int8", "measurements",
    "benchmark_report",
    "champion",
]  # fmt: skip


def test_run_prints_json_and_nothing_else_on_stdout(recipe: Path) -> None:
    product.edit(recipe, "iterations: 20", "iterations: 22")
    result = compression("run", "tiny", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert list(found) == ["recipe", "computed", "reused", "failed", "skipped", "seconds", "warnings"]
    assert found["recipe"] == "tiny"
    assert found["computed"] == _ASSETS[-3:]
    assert found["reused"] == _ASSETS[:-3]
    assert found["failed"] == found["skipped"] == []
    assert found["seconds"] > 0
    # Two epochs are too few for distillation to gain anything, which stops nothing.
    assert [item["asset"] for item in found["warnings"]] == ["measurements"]
    assert found["warnings"][0]["check"] == "distillation_gain_small"
    assert "min_distillation_gain" in found["warnings"][0]["warning"]
    assert f"warning: measurements: {found['warnings'][0]['warning']}" in result.stderr
    assets = json.loads(compression("status", "tiny", "--json").stdout)["assets"]
    assert [told for item in assets for told in item["warnings"]] == found["warnings"]


@pytest.mark.slow
def test_set_edits_the_recipe_and_computes_what_follows(recipe: Path) -> None:
    result = compression("run", "tiny", "--set", "students.small.loss.alpha=0.5", "--select", "student/small")
    assert result.returncode == 0, result.stderr
    assert "alpha: 0.5" in recipe.read_text()
    assert "# enough for a test" in recipe.read_text()
    assert "1 computed, 3 reused" in result.stdout
    assert "validation accuracy" in result.stdout


@pytest.mark.slow
def test_a_failing_stage_exits_with_its_cause_and_keeps_what_was_computed(defs: Path) -> None:
    text = recipes.edited(("learning_rate: 0.003\n    weight", "learning_rate: 99.0\n    optimizer: sgd\n    weight"))
    recipes.write(defs, text=text.replace("epochs: 1 ", "epochs: 9 "))
    result = compression("run", "tiny", "--json")
    assert result.returncode == 1
    found = json.loads(result.stdout)
    assert found["failed"] == ["teacher"]
    assert set(found["computed"]) == {"dataset", "control/small"}
    assert found["skipped"] == [
        "soft_labels", "student/small", "quantized_student/int8", "measurements", "benchmark_report", "champion",
    ]  # fmt: skip
    assert "learning_rate" in result.stderr
    assert "Traceback" not in result.stderr


def test_status_says_state_and_cause(recipe: Path) -> None:
    product.edit(recipe, "views: 2", "views: 1")
    found = json.loads(compression("status", "tiny", "--json").stdout)
    assert found["recipe"] == "tiny"
    assets = {item["asset"]: item for item in found["assets"]}
    assert list(assets) == _ASSETS
    assert assets["dataset"]["state"] == "fresh"
    assert assets["dataset"]["causes"] == []
    assert len(assets["dataset"]["digest"]) == 64
    assert assets["dataset"]["mlflow_run_id"]
    assert assets["soft_labels"]["state"] == "stale"
    assert assets["soft_labels"]["causes"] == [
        {"kind": "parameter", "parameter": "soft_labels.views", "from": 2, "to": 1}
    ]
    text = compression("status", "tiny").stdout
    assert "soft_labels.views 2 → 1" in text
    assert "upstream soft_labels" in text


def test_status_of_a_recipe_that_was_never_run_says_missing(defs: Path) -> None:
    found = json.loads(compression("status", "tiny", "--json").stdout)
    assert {item["state"] for item in found["assets"]} == {"missing"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "tinny"], ["no recipe is named 'tinny'", "did you mean `tiny`?"]),
        (["run", "tiny", "--set", "teacher.epochs"], ["FIELD=VALUE"]),
        (["run", "tiny", "--set", "teacher.epoch=3"], ["tiny/defs.yaml", "teacher.epoch", "`epochs`"]),
        (["run", "tiny", "--set", "teacher.epochs.x=3"], ["teacher.epochs", "has no fields"]),
        (["run", "tiny", "--select", "student/smal"], ["no asset 'student/smal'", "did you mean `student/small`?"]),
        (["report", "tiny"], ["no report yet", "compression run tiny"]),
        (["lineage", "tiny"], ["MLflow knows no finished computation", "compression run tiny"]),
        (["verify", "tiny"], ["not up to date", "compression run tiny"]),
        (["predict", "tiny", "a.png"], ["recipe 'tiny' has no champion yet", "compression run tiny"]),
        (["predict", "tinny", "a.png"], ["no recipe is named 'tinny'", "did you mean `tiny`?"]),
        (["rollback", "tiny"], ["model 'tiny' has no champion", "nothing to go back to"]),
        (["rollback", "tinny"], ["no recipe is named 'tinny'", "did you mean `tiny`?"]),
    ],
)
def test_a_wrong_call_is_told_in_words(arguments: list[str], words: list[str], defs: Path) -> None:
    result = compression(*arguments)
    assert result.returncode == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert (defs / "tiny" / "defs.yaml").read_text() == recipes.TINY


def test_check_tells_every_recipes_mistakes(defs: Path) -> None:
    recipes.write(defs, "broken", recipes.edited(("alpha: 0.9", "alpha: 9")))
    recipes.write(defs, "warm", recipes.edited(("type: kd, temperature: 4.0, alpha: 0.9", "type: dkd")))
    result = compression("check")
    assert result.returncode == 1
    assert "broken/defs.yaml:24: students.small.loss.alpha" in result.stderr
    assert "tiny/defs.yaml: valid" in result.stdout
    assert "warning: students.small.loss: the warm-up of the loss dkd is 20 epochs by default" in result.stdout


@pytest.mark.slow
def test_verify_computes_again_and_tells_a_forged_result(recipe: Path) -> None:
    result = compression("verify", "tiny", "--select", "teacher", "--select", "quantized_student/int8")
    assert result.returncode == 0, result.stderr
    assert "all 2 assets were reproduced bit for bit" in result.stdout

    pipeline = product.pipeline()
    entry = pipeline.history.latest("tiny", "teacher")
    assert entry is not None
    pipeline.history.append(dataclasses.replace(entry, digest="0" * 64))
    result = compression("verify", "tiny", "--select", "teacher")
    assert result.returncode == 1
    assert "teacher: DIFFERS" in result.stdout


def test_verify_skips_the_champion_in_words(recipe: Path) -> None:
    result = compression("verify", "tiny", "--select", "dataset", "--select", "champion")
    assert result.returncode == 0, result.stderr
    assert "champion: skipped, since it depends on what MLflow's registry held" in result.stdout
    assert "it was reproduced bit for bit" in result.stdout
    result = compression("verify", "tiny", "--select", "champion")
    assert result.returncode == 0
    assert "reproduced" not in result.stdout


def test_lineage_shows_what_a_champion_was_decided_on(recipe: Path) -> None:
    tree = json.loads(compression("lineage", "tiny", "champion", "--json").stdout)
    assert tree["asset"] == "champion"
    assert {item["asset"] for item in tree["inputs"]} == {"dataset", "measurements", "quantized_student/int8"}
    assert tree["metrics"]["promoted"] == 1


@pytest.mark.slow
def test_run_tells_why_a_champion_was_promoted_or_not(recipe: Path) -> None:
    product.edit(recipe, "iterations: 20", "iterations: 22")
    result = compression("run", "tiny")
    assert "champion: quantized_student/int8 already is the champion" in result.stdout
    assert "kept, candidate's test accuracy" in result.stdout


def test_predict_classifies_images_with_the_champion(recipe: Path, tmp_path: Path) -> None:
    images = [tmp_path / f"picture{number}.png" for number in range(2)]
    for number, image in enumerate(images):
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)).save(image)
    result = compression("predict", "tiny", *map(str, images), "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    entry = product.pipeline().history.latest("tiny", "quantized_student/int8")
    assert entry is not None
    assert (found["recipe"], found["version"], found["digest"]) == ("tiny", "1", entry.digest)
    assert [item["image"] for item in found["predictions"]] == [str(image) for image in images]
    for item in found["predictions"]:
        assert list(item["probabilities"]) == [str(digit) for digit in range(10)]
        assert sum(item["probabilities"].values()) == pytest.approx(1)
        assert item["probabilities"][item["label"]] == max(item["probabilities"].values())
    table = compression("predict", "tiny", *map(str, images)).stdout
    for item in found["predictions"]:
        line = next(line for line in table.splitlines() if item["image"] in line)
        assert line.split()[1:] == [item["label"], f"{item['probabilities'][item['label']]:.1%}"]
    assert f"by version 1 of tiny (quantized_student/int8, digest {entry.digest[:12]})" in table


def test_predict_answers_for_the_good_files_and_names_every_bad_one(recipe: Path, tmp_path: Path) -> None:
    good, text, gone = (tmp_path / name for name in ("good.png", "words.png", "nowhere.png"))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(good)
    text.write_text("no picture")
    result = compression("predict", "tiny", *map(str, (text, good, gone)))
    assert result.returncode == 1
    assert str(good) in result.stdout
    assert "2 of 3 files could not be read" in result.stderr
    assert all(str(file) in result.stderr and str(file) not in result.stdout for file in (text, gone))
    assert "Traceback" not in result.stderr

    as_json = compression("predict", "tiny", *map(str, (text, good, gone)), "--json")
    assert as_json.returncode == 1
    found = json.loads(as_json.stdout)
    assert [item["image"] for item in found["predictions"]] == [str(good)]
    assert [item["image"] for item in found["unreadable"]] == [str(text), str(gone)]


def test_rollback_without_a_previous_champion_exits_with_words(recipe: Path) -> None:
    result = compression("rollback", "tiny", "--json")
    assert result.returncode == 1
    assert "version 1 in use and none before it" in result.stderr
    assert "once a second model was promoted" in result.stderr
    assert result.stdout == ""


def test_report_shows_the_models_and_copies_the_page(recipe: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = compression("report", "tiny", "--output", str(page))
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in ("teacher", "student/small", "quantized_student/int8"))
    assert "data:image/svg+xml" in page.read_text()
    rows = json.loads(compression("report", "tiny", "--json").stdout)
    assert [row["model"] for row in rows] == ["teacher", "student/small", "control/small", "quantized_student/int8"]


@pytest.mark.slow
def test_gc_removes_only_what_no_recent_history_refers_to(recipe: Path) -> None:
    product.edit(recipe, "alpha: 0.9", "alpha: 0.5")
    product.run()
    pipeline = product.pipeline()
    before = set(pipeline.store.ids())
    assert "removed 0 artifacts" in compression("gc").stdout
    assert "would remove 0 artifacts" in compression("gc", "--days", "0", "--dry-run").stdout, "too young to go"
    for artifact in before:
        manifest = pipeline.store.fetch(artifact) / "manifest.json"
        os.utime(manifest, (1, 1))
    assert "removed 5 artifacts" in compression("gc", "--days", "0").stdout
    assert len(before - set(pipeline.store.ids())) == 5
    assert set(product.states().values()) == {"fresh"}
    product.edit(recipe, "alpha: 0.5", "alpha: 0.9")
    assert product.computed() >= {"student/small"}, "what was removed is computed again"


def test_the_version_is_told() -> None:
    stated = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert compression("--version").stdout == f"compression {stated}\n"
