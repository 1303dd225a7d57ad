"""A network that cannot go its whole way is refused before anything is trained, in a run that somebody waits for."""

import json
from pathlib import Path

import pytest

from compression_ops import dry_run
from pipelines.commands import run as runner
from pipelines.execution import materialize
from pipelines.state import home
from tests.pipelines import product, recipes

REFUSED = "tests.compression_ops.zoo.refused"
STUDENT, TEACHER = "architecture: tiny_cnn", "architecture: simple_cnn"


def _remembered() -> set[Path]:
    return set(home.current().dry_runs.glob("*.json"))


def causes(patterns: tuple[str, ...] = ()) -> dict[str, str]:
    return {item.asset: item.cause for item in runner.run(product.pipeline(), patterns).outcomes if item.cause}


def materialized() -> set[str]:
    pipeline = product.pipeline()
    return {name for name in pipeline.graph.assets if pipeline.latest(name) is not None}


def test_a_student_that_cannot_be_made_stops_its_teacher(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited((STUDENT, f"architecture: {REFUSED}:softmax")))
    found = causes()
    assert "student/small, which learns from teacher, cannot be made" in found["teacher"]
    assert "Leave the softmax at its end out" in found["teacher"]
    assert "nothing was trained; mend student/small, or compute teacher alone" in found["teacher"]
    assert materialized() == {"dataset"}


def test_a_teacher_that_is_asked_for_alone_is_trained(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited((STUDENT, f"architecture: {REFUSED}:softmax")))
    assert causes(("teacher",)) == {}
    assert materialized() == {"dataset", "teacher"}


def test_a_teacher_that_cannot_be_exported_is_told_before_it_trains(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited((TEACHER, f"architecture: {REFUSED}:branch_on_data")))
    assert "control flow that depends on the data" in causes()["teacher"]
    assert materialized() == {"dataset", "control/small"}  # which learns from labels alone


def test_a_layer_that_the_student_has_not_is_told_before_its_teacher_trains(defs: Path) -> None:
    loss = "{type: kd, temperature: 4.0, alpha: 0.9}"
    recipes.write(defs, text=recipes.edited((loss, "{type: fitnet, student_layer: nowhere}")))
    found = causes()
    assert "student/small, which learns from teacher, cannot be made" in found["teacher"]
    assert "loss.student_layer is 'nowhere'" in found["teacher"]
    assert "teacher" not in materialized()


@pytest.mark.slow
def test_a_student_learns_beside_its_teacher(defs: Path) -> None:
    loss = "{type: kd, temperature: 4.0, alpha: 0.9}"
    recipes.write(defs, text=recipes.edited((loss, "{type: attention_transfer}")))
    assert "student/small" in product.computed()
    assert "teacher" in product.entry("student/small").inputs


@pytest.mark.slow
def test_without_anybody_who_waits_each_network_is_tried_for_itself(defs: Path) -> None:
    """As Dagster's daemon does: it can be mended where it fails, and what came before it is not lost."""
    recipes.write(defs, text=recipes.edited((STUDENT, f"architecture: {REFUSED}:softmax")))
    pipeline = product.pipeline()
    for name in ("dataset", "teacher"):
        materialize.materialize(pipeline, name, print)
    assert materialized() == {"dataset", "teacher"}


@pytest.mark.slow
def test_what_passed_is_remembered_by_all_that_it_depends_on(defs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recipes.write(defs)
    product.run()
    remembered = _remembered()
    assert len(remembered) == 2  # the control's network is its student's
    graphs = set(home.current().dry_runs.glob("*.graph"))

    product.edit(path, "epochs: 1  # enough for a test", "epochs: 2")
    with monkeypatch.context() as changed:
        changed.setattr(dry_run, "check", None)
        assert "teacher" in product.computed()
    assert _remembered() == remembered

    product.edit(path, "weight_bits: 8", "weight_bits: 4")
    product.edit(path, "learning_rate: 0.003\n      seed: 0", "learning_rate: 0.002\n      seed: 0")
    product.run()
    assert len(_remembered()) == 3
    assert set(home.current().dry_runs.glob("*.graph")) == graphs, "which depend on networks alone"
    assert graphs


def test_what_a_dry_run_warns_of_stands_in_the_result(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited((TEACHER, f"architecture: {REFUSED}:sigmoid")))
    product.run(patterns=("teacher",))
    assert any("between 0 and 1" in warning for warning in product.entry("teacher").warnings)


def test_an_argument_of_a_factory_is_part_of_the_network(defs: Path) -> None:
    text = recipes.edited((STUDENT, "architecture: tests.compression_ops.small_data:wide\n      arguments: {width: 3}"))
    path = recipes.write(defs, text=text)
    product.run(patterns=("student/small",))
    network = json.loads(
        (product.pipeline().store.fetch(product.entry("student/small").artifact) / "model.json").read_text()
    )
    assert network["arguments"] == {"width": 3}
    product.edit(path, "width: 3", "width: 5")
    assert product.causes()["student/small"] == ["students.small.arguments.width 3 → 5"]
