"""An augmentation that the images do not allow is refused where it stands, before anything is trained."""

from pathlib import Path

import pytest

from compression_ops.errors import DataError
from compression_ops.stages import control
from compression_ops.stages.control import Control
from compression_ops.stages.stage import Context
from pipelines.commands import run as runner
from pipelines.execution import augmentation
from pipelines.pipeline import Pipeline
from pipelines.recipe.error import RecipeError
from tests.compression_ops import small_data
from tests.pipelines import product, recipes

_TEACHERS, _VIEWS = (
    f"augmentation: {{translate: 1.0}}\n    seed: 0\n  {after}" for after in ("soft_labels", "students")
)
_WRONG = "augmentation: {translate: 1.0, cutout: {size: 9}, color_jitter: {contrast: 0.1, hue: 0.1}}"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A data set of 8×8 pixels in grey."""
    return small_data.artifact(tmp_path / "dataset")


def mistakes(asset: str, dataset: Path | None, beside: tuple[str, ...] = ()) -> str:
    pipeline = Pipeline.open("tiny")
    try:
        augmentation.check(pipeline, pipeline.graph.assets[asset], dataset, beside)
    except RecipeError as error:
        return str(error)
    return ""


def test_each_parameter_that_the_images_do_not_allow_is_told_where_it_stands(defs: Path, images: Path) -> None:
    path = recipes.write(defs, text=recipes.edited((_VIEWS, f"{_WRONG}\n    seed: 0\n  students")))
    for asset in ("soft_labels", "control/small"):
        hue, cutout = mistakes(asset, images).split(f"{path}:")[1:]
        assert cutout.splitlines() == [
            "15: soft_labels.augmentation.cutout.size: does not fit the images, which are 1×8×8",
            "  found:   9 (a number)",
            "  allowed: at most 8, the images' shorter side",
        ]
        assert hue.startswith("15: soft_labels.augmentation.color_jitter.hue: does not fit the images")
    assert mistakes("teacher", images, beside=("teacher", "student/small")) == ""
    assert "cutout.size" in mistakes("teacher", images, beside=("teacher", "soft_labels"))
    assert mistakes("dataset", None, beside=("soft_labels",)) == ""


def test_the_teachers_own_augmentation_is_asked_too(defs: Path, images: Path) -> None:
    wrong = "augmentation: {random_crop: {padding: 8}}\n    seed: 0\n  soft_labels"
    recipes.write(defs, text=recipes.edited((_TEACHERS, wrong)))
    assert ":11: teacher.augmentation.random_crop.padding: does not fit" in mistakes("teacher", images)
    assert mistakes("soft_labels", images) == ""


@pytest.mark.slow
def test_views_that_the_images_do_not_allow_stop_the_teacher_in_a_run(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited((_VIEWS, f"{_WRONG}\n    seed: 0\n  students")))
    outcomes = {item.asset: item.cause for item in runner.run(product.pipeline(), ()).outcomes if item.cause}
    assert "soft_labels.augmentation.cutout.size: does not fit" in outcomes["teacher"]
    pipeline = product.pipeline()
    assert {name for name in pipeline.graph.assets if pipeline.latest(name) is not None} == {"dataset"}
    assert product.computed(patterns=("teacher",)) == {"teacher"}, "the teacher alone has no such views"


def test_a_stage_by_itself_refuses_them_too(tmp_path: Path, images: Path) -> None:
    stated = {
        "architecture": "tests.compression_ops.small_data:linear",
        "epochs": 1,
        "learning_rate": 0.01,
        "views": {"augmentation": {"color_jitter": {"saturation": 0.3}}},
    }
    with pytest.raises(DataError, match=r"augmentation\.color_jitter\.saturation does not fit .*\(1, 8, 8\)"):
        control.run(Control.model_validate(stated), {"dataset": images}, Context(tmp_path))


def test_an_augmentation_is_code_of_what_sees_its_views_and_nothing_else_is(defs: Path) -> None:
    def code(name: str) -> set[str]:
        digests = Pipeline.open("tiny").graph.assets[name].code_digests
        return {module.rpartition(".")[2] for module in digests if ".augmentations." in module}

    assert code("soft_labels") == set()
    recipes.write(defs, text=recipes.edited((_VIEWS, "augmentation: {cutout: {size: 2}}\n    seed: 0\n  students")))
    assert {name: code(name) for name in ("soft_labels", "student/small", "control/small")} == {
        "soft_labels": {"cutout"},
        "student/small": {"cutout"},
        "control/small": {"cutout"},
    }
    assert code("teacher") == code("quantized_student/int8") == set()
