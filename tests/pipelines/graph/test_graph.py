"""Derivations: what an edit touches, by the graph alone."""

from pathlib import Path

import pytest

from pipelines.kinds import graph
from pipelines.recipe import file as recipe_file
from tests.pipelines import recipes
from tests.pipelines.affected import AFTER_MODELS, AFTER_QUANTIZED, AFTER_STUDENT, AFTER_TEACHER, ALL


def _derivations(defs: Path, text: str = recipes.TINY, name: str = "tiny") -> dict[str, str]:
    recipes.write(defs, name, text)
    file = recipe_file.load(name)
    return graph.build(file.name, file.recipe).derivations


@pytest.mark.parametrize(
    ("old", "new", "affected"),
    [
        ("seed: 0, limit", "seed: 1, limit", ALL),
        ("epochs: 1  #", "epochs: 2  #", AFTER_TEACHER),
        ("views: 2", "views: 3", (AFTER_TEACHER - {"teacher"}) | {"control/small"}),
        ("temperature: 4.0", "temperature: 5.0", AFTER_STUDENT),
        ("epochs: 2", "epochs: 3", AFTER_STUDENT | {"control/small"}),
        ("samples: 64", "samples: 65", AFTER_QUANTIZED),
        ("iterations: 20", "iterations: 21", AFTER_MODELS),
        ("control: true", "control: false", AFTER_MODELS | {"control/small"}),
        ("# enough for a test", "# another comment", set()),
        ("temperature: 4.0, alpha: 0.9", "alpha: 0.9, temperature: 4", set()),
        ("    seed: 0\n  soft_labels", "    momentum: 0.9\n    seed: 0\n  soft_labels", set()),
    ],
)
def test_an_edit_changes_exactly_the_derivations_that_it_affects(
    old: str, new: str, affected: set[str], defs: Path
) -> None:
    before = _derivations(defs)
    after = _derivations(defs, recipes.edited((old, new)))
    assert {name for name in before if before[name] != after.get(name)} == affected


def test_the_recipes_name_and_folder_do_not_enter_a_derivation(defs: Path) -> None:
    assert _derivations(defs, name="tiny") == _derivations(defs, name="other")


def test_an_asset_is_made_from_what_the_issue_says(defs: Path) -> None:
    file = recipe_file.load("tiny")
    assets = graph.build(file.name, file.recipe).assets
    assert {name: asset.inputs for name, asset in assets.items()} == {
        "dataset": ("raw_data",),
        "teacher": ("dataset",),
        "soft_labels": ("dataset", "teacher"),
        "student/small": ("dataset", "soft_labels"),
        "control/small": ("dataset",),
        "quantized_student/int8": ("dataset", "student/small"),
        "measurements": ("dataset", "teacher", "student/small", "control/small", "quantized_student/int8"),
        "benchmark_report": ("measurements",),
        "champion": ("dataset", "measurements", "quantized_student/int8"),
    }


def test_upstream_follows_the_graph(defs: Path) -> None:
    file = recipe_file.load("tiny")
    built = graph.build(file.name, file.recipe)
    assert built.upstream("student/small") == ["dataset", "teacher", "soft_labels", "student/small"]


def test_an_implementation_that_a_recipe_did_not_choose_is_not_in_its_code(defs: Path) -> None:
    file = recipe_file.load("tiny")
    assets = graph.build(file.name, file.recipe).assets
    modules = {module for asset in assets.values() for module in asset.code_digests}
    chosen = {
        "models.architectures.simple_cnn",
        "models.architectures.tiny_cnn",
        "distillation.losses.kd",
        "quantization.calibration.minmax",
        "data.sources.digits",
    }
    packages = ("models.architectures", "distillation.losses", "quantization.calibration", "data.sources")
    found = {module.removeprefix("compression_ops.") for module in modules}
    assert {module for module in found if module.rpartition(".")[0] in packages} == chosen


def test_a_parameter_is_named_by_its_place_in_the_recipe(defs: Path) -> None:
    file = recipe_file.load("tiny")
    assets = graph.build(file.name, file.recipe).assets
    assert assets["student/small"].recipe_path("loss.temperature") == "students.small.loss.temperature"
    assert assets["control/small"].recipe_path("views.augmentation.translate") == "soft_labels.augmentation.translate"
    assert assets["measurements"].recipe_path("iterations") == "benchmark.iterations"


def test_a_height_is_the_longest_way_to_what_nobody_reads(defs: Path) -> None:
    recipes.write(defs)
    file = recipe_file.load("tiny")
    assert graph.build(file.name, file.recipe).heights == {
        "dataset": 6,
        "teacher": 5,
        "soft_labels": 4,
        "student/small": 3,
        "quantized_student/int8": 2,
        "control/small": 2,
        "measurements": 1,
        "benchmark_report": 0,
        "champion": 0,
    }
