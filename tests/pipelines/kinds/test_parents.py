"""Which model is made of which: quantized controls, students that teach students, teachers that are ensembles."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from compression_ops.data.dataset import load_description, load_split
from compression_ops.distillation.soft_labels import load_logits, load_views
from compression_ops.evaluation import measurements
from compression_ops.models import inference, network
from pipelines.commands import run as runner
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from tests.pipelines import product, recipes

# `small` is taught by `medium`, which the recipe's teacher teaches.
CHAIN = (
    "  students:\n",
    """  students:
    medium:
      {architecture: simple_cnn, epochs: 2, batch_size: 64, learning_rate: 0.003, loss: {type: kd}}
""",
)
BY_MEDIUM = ("      control: true\n", "      control: true\n      teacher: medium\n")
OF_CONTROL = ("student: small", "of: control/small")


def _parents() -> dict[str, str | None]:
    measured = measurements.read(_folder("measurements"))
    return {model.name: model.parent for model in measured.models}


def _folder(asset: str) -> Path:
    return product.pipeline().store.fetch(product.entry(asset).artifact)


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


@pytest.mark.slow
def test_a_student_that_teaches_labels_the_views_of_the_teacher_and_is_the_parent(defs: Path, home: Path) -> None:
    path = recipes.write(defs, text=recipes.edited(CHAIN, BY_MEDIUM))
    graph = product.pipeline().graph
    assert graph.assets["soft_labels/medium"].inputs == ("dataset", "student/medium")
    assert graph.assets["student/small"].inputs == ("dataset", "soft_labels/medium")
    assert graph.assets["student/medium"].inputs == ("dataset", "soft_labels")
    assert "soft_labels/medium" in product.computed()
    views = load_views(_folder("soft_labels/medium"))
    assert views == load_views(_folder("soft_labels"))
    train, description = load_split(_folder("dataset"), "train"), load_description(_folder("dataset"))
    stored = load_logits(_folder("soft_labels/medium"), 1, len(train), len(description.classes))
    pixels = views.view(1, train.samples, description).samples(torch.arange(len(train)), torch.device("cpu"))
    own = inference.logits(network.load(_folder("student/medium")), pixels, description)
    assert torch.allclose(stored.float(), own, atol=0.01)
    assert _parents()["student/small"] == "student/medium"
    assert _parents()["student/medium"] == "teacher"
    metrics = product.entry("measurements").metrics
    ratio = metrics["teacher.file_bytes"] / metrics["student/small.file_bytes"]
    assert metrics["student/small.compression_ratio"] == pytest.approx(ratio)
    product.edit(path, "learning_rate: 0.003, loss: {type: kd}", "learning_rate: 0.004, loss: {type: kd}")
    expected = {"student/medium", "soft_labels/medium", "student/small", "quantized_student/int8", "measurements"}
    assert expected <= product.computed() <= {*expected, "benchmark_report", "champion"}


@pytest.mark.slow
def test_a_loss_that_needs_the_teacher_has_the_student_that_teaches_beside_it(defs: Path, home: Path) -> None:
    loss = ("loss: {type: kd, temperature: 4.0, alpha: 0.9}", "loss: {type: fitnet, teacher_layer: nowhere}")
    path = recipes.write(defs, text=recipes.edited(CHAIN, BY_MEDIUM, loss))
    assert product.pipeline().graph.assets["student/small"].inputs[2] == "student/medium"
    report = runner.run(product.pipeline(), ["student/small", "student/medium", "soft_labels*", "teacher", "dataset"])
    (cause,) = {item.cause for item in report.outcomes if item.outcome == "failed"}
    assert "loss.teacher_layer is 'nowhere'" in str(cause)
    product.edit(path, "type: fitnet, teacher_layer: nowhere", "type: fitnet")
    assert "student/small" in product.computed(patterns=["student/*", "soft_labels*", "teacher", "dataset"])


def test_students_that_teach_each_other_are_told_once(defs: Path) -> None:
    medium = CHAIN[1].replace("loss:", "teacher: small, loss:")
    message = _message(defs, (CHAIN[0], medium), BY_MEDIUM)
    assert message.count("defs.yaml:") == 1
    assert "students.medium.teacher: learns from itself (medium <- small <- medium)" in message
    assert "nothing, for the recipe's teacher" in message


def _teacher_of(members: int) -> str:
    return recipes.edited(("epochs: 1  #", f"ensemble: {members}\n    epochs: 1  #"))


@pytest.mark.slow
def test_a_further_member_of_an_ensemble_is_all_that_is_trained_for_it(recipe: Path) -> None:
    after = {"teacher", "soft_labels", "student/small", "quantized_student/int8", "measurements", "benchmark_report"}
    recipe.write_text(_teacher_of(2))
    alone = product.entry("teacher").digest
    assert product.computed() - {"champion"} == {"teacher_member/1", *after}
    assert product.entry("teacher_member/0").digest == alone
    recipe.write_text(_teacher_of(3))
    assert product.computed() - {"champion"} == {"teacher_member/2", *after}
    folders = [_folder(f"teacher_member/{index}") for index in range(3)]
    assert len({product.entry(f"teacher_member/{index}").digest for index in range(3)}) == 3
    split, description = load_split(_folder("dataset"), "validation"), load_description(_folder("dataset"))
    each = [inference.logits(network.load(folder), split.samples, description) for folder in folders]
    mean = torch.stack([logits.double() for logits in each]).mean(dim=0)
    joined = inference.logits(network.load(_folder("teacher")), split.samples, description)
    torch.testing.assert_close(joined.double(), mean, atol=1e-5, rtol=1e-5)
    accuracy = (mean.argmax(dim=1) == split.labels).double().mean().item()
    assert product.entry("teacher").metrics["validation_accuracy"] == pytest.approx(accuracy)


def test_the_floor_judges_an_ensemble_as_a_whole_and_no_member(defs: Path, home: Path) -> None:
    text = _teacher_of(2) + "  gates: {min_teacher_accuracy: 1.0}\n"
    recipes.write(defs, text=text)
    report = runner.run(product.pipeline())
    assert {item.asset for item in report.outcomes if item.outcome == "failed"} == {"teacher"}
    assert "teacher_member/1" in report.named("computed")


def test_new_seeds_of_one_member_are_never_those_of_another(defs: Path) -> None:
    recipes.write(defs, text=_teacher_of(4))
    seeds = [product.pipeline().graph.assets[f"teacher_member/{index}"].values["seed"] for index in range(4)]
    assert seeds[0] == 0
    assert min(later - former for former, later in pairwise(seeds)) > 1_000_000


@pytest.mark.slow
def test_an_ensemble_stands_beside_a_student_whose_loss_needs_it(defs: Path, home: Path) -> None:
    loss = ("loss: {type: kd, temperature: 4.0, alpha: 0.9}", "loss: {type: fitnet, teacher_layer: nowhere}")
    path = recipes.write(defs, text=recipes.edited(loss, text=_teacher_of(2)))
    report = runner.run(product.pipeline())
    causes = [item.cause for item in report.outcomes if item.outcome == "failed"]
    assert causes
    assert all("members.1." in str(cause) for cause in causes)
    product.edit(path, "type: fitnet, teacher_layer: nowhere", "type: fitnet")
    assert "student/small" in product.computed()
