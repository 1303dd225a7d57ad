"""Raw files that are not on this machine are not there, and not changed."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from compression_ops.errors import CompressionError
from pipelines.cli.app import app
from pipelines.commands import run as runner
from pipelines.execution import status
from pipelines.recipe import edit, file
from pipelines.recipe.error import RecipeError
from tests.pipelines import product, recipes
from tests.pipelines.images import image_folder, of_images


@pytest.mark.slow
def test_results_stay_fresh_until_a_computation_needs_the_files(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    recipe = recipes.write(defs, text=of_images(images))
    product.run(patterns=["student/small"])
    elsewhere = tmp_path / "elsewhere"
    images.rename(elsewhere)

    state = status.of_recipe("tiny")[1]["dataset"]
    assert (state.state, state.causes) == ("fresh", ())
    assert state.notes == ("raw data not on this machine; taken as it was",)
    told = CliRunner().invoke(app(), ["status", "tiny"])
    assert told.exit_code == 0
    assert "not on this machine" in " ".join(told.stdout.split())
    assert json.loads(CliRunner().invoke(app(), ["status", "tiny", "--json"]).stdout)["assets"][0]["notes"]

    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert product.computed(patterns=["student/small"]) == {"student/small"}, "which reads the stored data set"

    edit.set_values(recipe, {"dataset.validation_fraction": 0.25})
    with pytest.raises(RecipeError, match=r"dataset\.path: no such folder"):
        runner.run(product.pipeline())
    elsewhere.rename(images)
    assert "dataset" in product.computed(patterns=["dataset"])

    shutil.rmtree(images / "class0")
    assert product.causes()["dataset"] == ["raw data changed"]


def test_check_and_an_edit_of_the_path_ask_for_the_files(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    recipe = recipes.write(defs, text=of_images(images))
    images.rename(tmp_path / "elsewhere")
    assert file.load("tiny").recipe.dataset
    for attempt in (lambda: file.check(recipe), lambda: edit.set_values(recipe, {"dataset.path": "nowhere"})):
        with pytest.raises(CompressionError, match=r"defs\.yaml:\d+: dataset\.path: no such folder"):
            attempt()
    text = recipe.read_text()
    edit.set_values(recipe, {"teacher.epochs": 2})
    assert recipe.read_text() != text, "an edit of something else needs no files"


def test_check_agrees_with_run_on_files_that_are_gone(defs: Path, tmp_path: Path) -> None:
    """A file that nothing is to be made from is told; one that a computation needs is a mistake."""
    images = image_folder(tmp_path / "images")
    recipe = recipes.write(defs, text=of_images(images))
    product.run(patterns=["dataset"])
    images.rename(tmp_path / "elsewhere")
    told = CliRunner().invoke(app(), ["check", "tiny"])
    assert told.exit_code == 0, told.output
    assert "warning: dataset.path: no such folder" in told.stdout
    assert product.computed(patterns=["dataset"]) == set()

    product.edit(recipe, "validation_fraction: 0.2", "validation_fraction: 0.25")
    told = CliRunner().invoke(app(), ["check", "tiny"])
    assert told.exit_code == 1
    assert "dataset.path: no such folder" in told.output
