"""Only what is affected is computed: reverts, identical results, changed data, new and lost artifacts, clones."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compression_ops.stages.stage import StageResult
from pipelines.execution import materialize
from pipelines.graph.asset import Asset
from pipelines.recipe import file
from pipelines.state.journal import reading
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_QUANTIZED, AFTER_STUDENT, AFTER_TEACHER

EVERYTHING = AFTER_TEACHER | {"dataset", "control/small"}


def test_a_second_run_computes_nothing(recipe: Path) -> None:
    report = product.run()
    assert report.named("computed") == []
    assert set(report.named("reused")) == EVERYTHING
    assert set(product.states().values()) == {"fresh"}


@pytest.mark.slow
def test_an_edit_that_is_reverted_computes_nothing(recipe: Path) -> None:
    product.edit(recipe, "seed: 0\n  soft_labels", "seed: 7\n  soft_labels")
    assert product.computed() == AFTER_TEACHER
    product.edit(recipe, "seed: 7\n  soft_labels", "seed: 0\n  soft_labels")
    assert product.causes()["teacher"] == ["teacher.seed 7 → 0"]
    assert product.computed() == set()
    assert set(product.states().values()) == {"fresh"}


def test_a_comment_a_reformatting_and_a_stated_default_leave_everything_fresh(recipe: Path) -> None:
    text = recipe.read_text().replace("# enough for a test", "# something else\n    momentum: 0.9")
    recipe.write_text(
        text.replace("{type: kd, temperature: 4.0, alpha: 0.9}", "\n        {alpha: 0.9, type: kd, temperature: 4}")
    )
    assert set(product.states().values()) == {"fresh"}


def test_a_teacher_that_retrains_to_the_same_weights_stops_the_wave_and_names_what_it_reads(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, read, original = product.pipeline().home.journal, list[set[str]](), materialize.compute

    def compute(*arguments: Any) -> StageResult:
        read.append(reading.artifacts(journal))
        return original(*arguments)

    monkeypatch.setattr(materialize, "compute", compute)
    product.edit(recipe, "epochs: 1  #", "momentum: 0.5\n    epochs: 1  #")  # adamw does not use it
    assert product.causes()["student/small"] == ["upstream soft_labels"]
    assert product.computed() == {"teacher"}
    assert set(product.states().values()) == {"fresh"}
    assert read == [{product.entry("dataset").artifact}], "and `compression gc` leaves it"
    assert reading.artifacts(journal) == set()


def test_a_new_quantized_student_computes_itself_and_the_report(recipe: Path) -> None:
    product.edit(
        recipe,
        "  benchmark:",
        "    entropy:\n      student: small\n      calibration: {method: entropy, samples: 32}\n  benchmark:",
    )
    assert product.computed() == {"quantized_student/entropy", "measurements", "benchmark_report", "champion"}


def test_a_quantized_student_that_is_removed_leaves_only_measurements_and_report_to_compute(recipe: Path) -> None:
    text = recipe.read_text()
    start, end = text.index("    int8:"), text.index("  benchmark:")
    recipe.write_text(text[:start] + "    {}\n" + text[end:])
    assert product.computed() == {"measurements", "benchmark_report"}


@pytest.mark.parametrize("name", sorted(EVERYTHING - {"champion"}))  # whose decision depends on the one before
def test_a_deleted_artifact_is_computed_again_alone(name: str, recipe: Path) -> None:
    pipeline = product.pipeline()
    entry = pipeline.history.latest("tiny", name)
    assert entry is not None
    pipeline.store.drop(entry.artifact)
    assert product.states()[name] == "missing"
    assert {asset for asset, state in product.states().items() if state != "fresh"} == {name}
    assert product.computed() == {name}
    again = product.pipeline().history.latest("tiny", name)
    assert again is not None
    assert again.digest == entry.digest


def test_a_damaged_input_is_told_dropped_and_computed_again(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = product.pipeline()
    entry = pipeline.history.latest("tiny", "soft_labels")
    assert entry is not None
    weights = pipeline.store.fetch(entry.artifact) / "view_0001.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    product.edit(recipe, "alpha: 0.9", "alpha: 0.5")
    assert product.computed() >= {"soft_labels", "student/small"}
    restored = product.pipeline().history.latest("tiny", "soft_labels")
    assert restored is not None
    assert restored.digest == entry.digest
    assert set(product.states().values()) == {"fresh"}


@pytest.mark.slow
def test_two_edits_at_once_are_computed_in_one_run(recipe: Path) -> None:
    product.edit(recipe, "alpha: 0.9", "alpha: 0.5")
    product.edit(recipe, "iterations: 20", "iterations: 30")
    assert product.computed() == AFTER_STUDENT


def test_a_selection_computes_what_it_needs_and_no_more(home: Path, defs: Path) -> None:
    assert product.computed(patterns=["student/*"]) == {"dataset", "teacher", "soft_labels", "student/small"}
    assert product.computed(patterns=["control/small"]) == {"control/small"}


@pytest.mark.slow
def test_changed_bytes_in_an_image_folder_recompute_the_dataset_and_what_follows(
    home: Path, defs: Path, tmp_path: Path
) -> None:
    images = _image_folder(tmp_path / "images")
    text = recipes.edited(
        ("source: digits, validation_fraction: 0.1, seed: 0, limit: 200", _SOURCE.format(images)),
        ("batch_size: 64\n    learning", "batch_size: 8\n    learning"),
        ("samples: 64", "samples: 16"),
    )
    recipes.write(defs, text=text)
    assert product.computed() == EVERYTHING
    assert product.computed() == set()

    touched = next(images.glob("*/*.png"))
    touched.write_bytes(touched.read_bytes())
    assert set(product.states().values()) == {"fresh"}, "the same bytes are the same data"

    Image.fromarray(np.full((12, 12), 200, np.uint8)).save(touched)
    assert product.causes()["dataset"] == ["raw data changed"]
    assert product.computed() == EVERYTHING

    touched.unlink()
    assert product.states()["dataset"] == "stale"
    assert "dataset" in product.computed()


@pytest.mark.slow
def test_the_same_recipe_in_two_homes_gives_equal_digests(
    recipe: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _digests()
    other = tmp_path / "other"
    (other / "mlflow").mkdir(parents=True)
    shutil.copy(home / "mlflow" / "mlflow.db", other / "mlflow" / "mlflow.db")
    monkeypatch.setenv("COMPRESSION_HOME", str(other))
    assert product.computed() == EVERYTHING
    assert _digests() == first


def test_status_says_what_changed_in_words(recipe: Path) -> None:
    product.edit(recipe, "views: 2", "views: 1")
    found = product.causes()
    assert found["soft_labels"] == ["soft_labels.views 2 → 1"]
    assert found["control/small"] == ["soft_labels.views 2 → 1"]
    assert found["student/small"] == ["upstream soft_labels"]
    assert set(found) == {"soft_labels", "control/small"} | AFTER_STUDENT


def test_a_recipe_of_another_name_reuses_what_the_first_computed(recipe: Path, defs: Path) -> None:
    recipes.write(defs, "twin", file.find("tiny").read_text())
    assert set(product.states("twin").values()) == {"missing"}
    assert product.computed("twin") == {"champion"}, "its own, since another recipe ships for itself"


def test_a_selected_teacher_that_retrains_to_the_same_weights_leaves_status_run_and_verify_agreed(recipe: Path) -> None:
    product.edit(recipe, "epochs: 1  #", "momentum: 0.5\n    epochs: 1  #")
    assert product.computed(patterns=["teacher"]) == {"teacher"}
    assert product.states()["soft_labels"] == "stale", "Dagster asks for a materialization, so status does too"
    assert product.computed() == set()
    assert set(product.states().values()) == {"fresh"}


def test_code_that_is_edited_while_its_stage_runs_is_told_and_its_result_not_kept(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.edit(recipe, "alpha: 0.9", "alpha: 0.5")
    read = Asset.read_code
    edited = {"compression_ops.distillation.losses.kd": "edited"}
    with monkeypatch.context() as patch:
        patch.setattr(Asset, "read_code", lambda asset: read(asset) | edited)
        report = product.runner.run(product.pipeline(), ["student/small"])
    assert "was edited while it ran" in next(item.cause for item in report.outcomes if item.cause)
    assert product.states()["student/small"] == "stale"


@pytest.mark.slow
def test_another_students_name_recomputes_the_quantized_student_and_the_report(home: Path, defs: Path) -> None:
    start, end = recipes.TINY.index("    small:"), recipes.TINY.index("  quantized_students:")
    other = recipes.TINY[start:end].replace("small:", "other:").replace("seed: 0", "seed: 5")
    text = recipes.TINY[:end] + other.replace("control: true", "control: false") + recipes.TINY[end:]
    recipes.write(defs, text=text)
    product.run()
    product.edit(defs / "tiny" / "defs.yaml", "student: small", "student: other")
    assert product.computed() == AFTER_QUANTIZED


_SOURCE = "source: image_folder, path: {}, image_size: 12, channels: 1, validation_fraction: 0.2, seed: 0"


def _image_folder(folder: Path) -> Path:
    draw = np.random.default_rng(0)
    for label, level in enumerate((40, 120, 200)):
        (folder / f"class{label}").mkdir(parents=True)
        for number in range(20):
            pixels = np.clip(draw.normal(level, 20, (12, 12)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"class{label}" / f"{number}.png")
    return folder


def _digests() -> dict[str, str]:
    pipeline = product.pipeline()
    entries = {name: pipeline.history.latest("tiny", name) for name in pipeline.graph.assets}
    return {name: entry.digest for name, entry in entries.items() if entry}
