"""Which model is made of which: quantized controls, students that teach students, teachers that are ensembles."""

from pathlib import Path

import pytest

from compression_ops.evaluation import measurements
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from tests.pipelines import product, recipes

OF_CONTROL = ("student: small", "of: control/small")


def _parents() -> dict[str, str | None]:
    measured = measurements.read(product.pipeline().store.fetch(product.entry("measurements").artifact))
    return {model.name: model.parent for model in measured.models}


def _message(defs: Path, *edits: tuple[str, str]) -> str:
    recipes.write(defs, text=recipes.edited(*edits))
    with pytest.raises(RecipeError) as caught:
        file.check(file.find("tiny"))
    return str(caught.value)


def test_of_a_student_is_student(defs: Path, home: Path) -> None:
    recipes.write(defs)
    before = product.pipeline().graph.derivations
    recipes.write(defs, text=recipes.edited(("student: small", "of: student/small")))
    assert product.pipeline().graph.derivations == before


def test_a_control_is_quantized_judged_and_shipped(recipe: Path, home: Path) -> None:
    product.edit(recipe, *OF_CONTROL)
    assert product.computed() == {"quantized_student/int8", "measurements", "benchmark_report", "champion"}
    assert _parents()["quantized_student/int8"] == "control/small"
    assert set(product.pipeline().graph.upstream("quantized_student/int8")) == {
        "dataset",
        "control/small",
        "quantized_student/int8",
    }
    entry = product.entry("measurements")
    change = entry.metrics["quantized_student/int8.accuracy_change_points"]
    own, control = (entry.metrics[f"{name}.test_accuracy"] for name in ("quantized_student/int8", "control/small"))
    assert change == pytest.approx(100 * (own - control))
    (words,) = [check.words for check in entry.checks if check.name == "accuracy_drop_int8"]
    assert "of test accuracy to its control" in words
    assert "quantized_student/int8" in product.decision()


def test_a_control_that_nobody_trains_cannot_be_quantized(defs: Path) -> None:
    message = _message(defs, OF_CONTROL, ("      control: true\n", ""))
    assert "quantized_students.int8.of: students.small has no control" in message
    assert "one of: student/small; or `control: true` of that student" in message


def test_a_quantized_student_of_nothing_is_told_what_there_is(defs: Path) -> None:
    message = _message(defs, ("      student: small\n", ""))
    assert "quantized_students.int8.student: missing" in message
    assert "one of: small; or `of`: student/small, control/small" in message
