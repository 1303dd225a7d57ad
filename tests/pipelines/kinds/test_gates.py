"""Gates: each judges by its threshold; one that blocks stops what comes after, the others warn."""

import math
import re
from pathlib import Path

import dagster as dg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.graph.asset import Asset
from pipelines.kinds import dataset, kind
from pipelines.kinds.gate import Evidence, Gate
from pipelines.orchestration import instance as instances
from pipelines.orchestration.keys import key
from pipelines.recipe import file as recipe_file
from pipelines.state import home as homes
from pipelines.state.materialization import Check, Materialization
from tests.pipelines import product, recipes
from tests.pipelines.kinds.gate_cases import BY_F1, CASES, SOUND, Case

_DOWNSTREAM_OF_TEACHER = [
    "soft_labels",
    "student/small",
    "quantized_student/int8",
    "measurements",
    "benchmark_report",
    "champion",
]
_QUANTIZED, _STUDENT = "quantized_student/int8", "student/small"


def _with(path: str, value: float | None) -> str:
    """The recipe `tiny` with another threshold."""
    section, _, name = path.partition(".")
    if section == "benchmark":
        stated = {"max_accuracy_drop": "100", "min_compression": "1.0"}[name]
        return recipes.edited((f"{name}: {stated}", f"{name}: {value}"))
    return recipes.TINY + f"  gates: {{{name}: {'null' if value is None else value}}}\n"


def _gates(asset: Asset) -> list[Gate]:
    return list(kind.named(asset.kind).gates(asset))


def _checks(entry: Materialization) -> list[Check]:
    pipeline = product.pipeline()
    evidence = Evidence(pipeline.graph.assets[entry.asset], entry, pipeline.history, pipeline.store)
    return [gate.judge(gate, evidence) for gate in _gates(evidence.asset)]


def _judged(
    defs: Path, case: Case, found: float, name: str, monkeypatch: pytest.MonkeyPatch, metric: str = "accuracy"
) -> Check:
    recipes.write(defs, text=_with(case.threshold, case.value) + f"  metric: {metric}\n")
    metrics = {**SOUND, **case.beside} | ({case.metric: -found if case.negated else found} if case.metric else {})
    entry = Materialization(
        recipe="tiny", asset=case.asset, time=0.0, derivation="", parameters={}, code={}, inputs={}, action="",
        artifact="", digest="", experiment_id="", run_id="", model_id=None, computed=True, seconds=0.0, metrics=metrics,
    )  # fmt: skip
    if name == "drift":
        monkeypatch.setattr(dataset, "against_the_last", lambda _: {"classes": found, "pixels": found / 2})
    checks = {check.name: check for check in _checks(entry)}
    gate = "accuracy_floor" if case.asset in ("teacher", _STUDENT) else name
    assert all(check.passed for other, check in checks.items() if other != gate), "this one number decides one gate"
    return checks[gate]


@pytest.mark.parametrize("name", CASES)
def test_a_gate_passes_at_its_threshold_and_fails_beyond_it(
    name: str, defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    for found, passed in ((case.passing, True), (case.failing, False)):
        check = _judged(defs, case, found, name, monkeypatch)
        assert check.passed is passed
        assert check.blocking is case.blocking
        assert check.subject == case.subject
        assert check.numbers["found"] == pytest.approx(found)
        assert check.numbers["threshold"] == case.value
        assert f"{found:.4g}" in check.words
    if name != "duplicates":  # of whole samples
        beyond = case.value + math.copysign(1e-6, case.failing - case.value)
        words = _judged(defs, case, beyond, name, monkeypatch).words
        assert "so this fails" in words
        assert len(re.findall(rf"(?<![\d.]){case.value:g}(?!\.?\d)", words)) == 1, "the limit alone is told as it is"
        assert f"{case.value:g} ({case.threshold})" in check.words
        assert ("so this fails" in check.words) is not passed


def test_a_gate_with_a_test_of_chance_tells_its_p_value(defs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("distillation_gain_small", "accuracy_drop_int8"):
        check = _judged(defs, CASES[name], CASES[name].failing, name, monkeypatch)
        assert check.numbers["p_value"] == next(iter(CASES[name].beside.values()))
        assert f"p = {check.numbers['p_value']:.2g}" in check.words


@pytest.mark.parametrize("name", BY_F1)
def test_a_gate_of_accuracy_asks_of_the_recipes_metric(name: str, defs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = BY_F1[name]
    for found, passed in ((case.passing, True), (case.failing, False)):
        check = _judged(defs, case, found, name, monkeypatch, "f1_macro")
        assert check.passed is passed
        assert check.numbers["found"] == pytest.approx(found)
        assert "macro F1" in check.words
        assert "accuracy is" not in check.words
        if "p_value" in check.numbers:
            assert check.numbers["p_value"] == next(iter(case.beside.values()))


def test_the_first_data_set_has_nothing_to_drift_from(defs: Path) -> None:
    entry = Materialization(
        recipe="tiny", asset="dataset", time=0.0, derivation="", parameters={}, code={}, inputs={}, action="",
        artifact="", digest="", experiment_id="", run_id="", model_id=None, computed=True, seconds=0.0, metrics=SOUND,
    )  # fmt: skip
    drift = next(check for check in _checks(entry) if check.name == "drift")
    assert drift.passed
    assert "no earlier data set" in drift.words


def test_a_student_without_a_control_has_no_gate_on_distillation_and_no_limit_is_no_gate_on_latency(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited(("control: true", "control: false")))
    asset = product.pipeline().graph.assets["measurements"]
    assert [gate.name for gate in _gates(asset)] == ["accuracy_drop_int8", "compression_int8"]


@pytest.mark.parametrize(
    ("field", "value", "judged"),
    [
        ("min_class_balance", 0.2, {"dataset"}),
        ("max_duplicates", 0.5, {"dataset"}),
        ("max_drift", 0.5, {"dataset"}),
        ("min_teacher_accuracy", 0.9999, {"teacher"}),
        ("min_student_accuracy", 0.9999, {_STUDENT}),
        ("min_distillation_gain", 5, {"measurements"}),
        # what the champion is chosen by is decided anew too
        ("max_export_error", 0.5, {_QUANTIZED, "champion"}),
        ("min_integer_share", 0.6, {_QUANTIZED, "champion"}),
        ("max_latency_us", 1000, {"measurements", "champion"}),
    ],
)
def test_a_changed_threshold_marks_exactly_what_it_judges(
    field: str, value: float, judged: set[str], recipe: Path
) -> None:
    before = recipe_file.load("tiny").recipe.gates.model_dump()[field]
    recipe.write_text(_with(f"gates.{field}", value))
    if field != "max_latency_us":
        value = type(before)(value)
    cause = f"gates.{field} {'nothing' if before is None else before} → {float(value)}"
    assert product.causes() == {name: [cause] for name in judged}


def test_a_threshold_that_is_satisfied_computes_nothing(recipe: Path) -> None:
    recipe.write_text(_with("gates.min_teacher_accuracy", 0.001))
    report = product.run()
    assert report.named("computed") == []
    assert len(report.named("reused")) == 9
    assert set(product.states().values()) == {"fresh"}
    assert product.entry("teacher").gates == {"gates.min_teacher_accuracy": 0.001}


@pytest.mark.slow
def test_a_teacher_below_its_floor_is_kept_and_stops_all_that_comes_after_until_the_floor_is_lowered(
    home: Path, defs: Path
) -> None:
    path = recipes.write(defs, text=_with("gates.min_teacher_accuracy", 0.9999))
    result = _compression("run", "tiny")
    accuracy = product.entry("teacher").metrics["validation_accuracy"]
    assert result.exit_code == 1
    for words in ("teacher", f"{accuracy:.4g}", "at least 0.9999 (gates.min_teacher_accuracy)", "threshold", "kept"):
        assert words in result.stderr, result.stderr
    assert "change what makes teacher" in result.stderr
    report = product.runner.run(product.pipeline())
    assert report.named("computed") == [], "a second run computes nothing"
    assert report.named("failed") == ["teacher"]
    assert report.named("reused") == ["dataset", "control/small"]
    assert report.named("skipped") == _DOWNSTREAM_OF_TEACHER
    waiting = "waits for teacher, which did not pass its gate"
    assert product.causes()["champion"] == ["never materialized", waiting]
    assert product.states()["teacher"] == "fresh"

    product.edit(path, "alpha: 0.9", "alpha: 0.5")
    report = product.runner.run(product.pipeline())
    assert report.named("computed") == [], "nor does a run after an edit of what waits"
    assert report.named("skipped") == _DOWNSTREAM_OF_TEACHER

    product.edit(path, "min_teacher_accuracy: 0.9999", "min_teacher_accuracy: 0.0")
    assert product.computed() == set(_DOWNSTREAM_OF_TEACHER), "the teacher is not computed again"


@pytest.mark.slow
def test_a_floor_that_is_raised_while_a_student_is_edited_stops_the_student(recipe: Path) -> None:
    recipe.write_text(_with("gates.min_teacher_accuracy", 0.9999).replace("alpha: 0.9", "alpha: 0.5"))
    for _ in range(2):
        report = product.runner.run(product.pipeline())
        assert report.named("computed") == []
        assert report.named("failed") == ["teacher"]
        assert report.named("skipped") == _DOWNSTREAM_OF_TEACHER[1:]
    assert product.states()["soft_labels"] == "fresh", "what was made before the floor was raised stays"

    product.edit(recipe, "min_teacher_accuracy: 0.9999", "min_teacher_accuracy: 0.001")
    assert product.computed() == set(_DOWNSTREAM_OF_TEACHER[1:])


def test_a_student_below_its_floor_stops_its_quantization_but_not_another_asset(recipe: Path) -> None:
    recipe.write_text(_with("gates.min_student_accuracy", 0.9999).replace("epochs: 2", "epochs: 3"))
    report = product.runner.run(product.pipeline())
    assert report.named("failed") == [_STUDENT]
    assert report.named("computed") == ["control/small"]
    assert report.named("skipped") == [_QUANTIZED, "measurements", "benchmark_report", "champion"]
    assert "gates.min_student_accuracy" in next(item.cause for item in report.outcomes if item.cause)


def test_a_gate_that_does_not_block_only_warns(recipe: Path) -> None:
    recipe.write_text(_with("gates.min_class_balance", 1.0))
    result = _compression("run", "tiny", "--json")
    assert result.exit_code == 0, result.stderr
    assert '"failed": []' in result.stdout
    assert "warning: dataset: The smallest class has" in result.stderr
    assert "at least 1 (gates.min_class_balance) is asked, so this fails" in result.stderr
    assert product.states()["teacher"] == "fresh"


def test_check_results_stand_in_dagster_for_what_was_computed_and_for_what_was_reused(recipe: Path) -> None:
    built = product.pipeline().graph
    for name, asset in built.assets.items():
        for gate in _gates(asset):
            found = _evaluation(name, gate.name)
            check = next(known for known in product.entry(name).checks if known.name == gate.name)
            assert found.passed is check.passed
            assert found.description == check.words
            numbers = {item: value.value for item, value in found.metadata.items()}
            assert numbers == pytest.approx(dict(check.numbers), rel=1e-5), "to six digits"
    recipe.write_text(_with("gates.min_class_balance", 1.0))
    product.run()
    found = _evaluation("dataset", "class_balance")
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert found.metadata["threshold"].value == 1.0
    assert found.metadata["found"].value == pytest.approx(product.entry("dataset").metrics["class_balance"], rel=1e-5)
    recipe.write_text(_with("gates.min_teacher_accuracy", 0.9999))
    product.runner.run(product.pipeline())
    found = _evaluation("teacher", "accuracy_floor")
    assert (found.passed, found.blocking, found.severity) == (False, True, dg.AssetCheckSeverity.ERROR)
    assert not product.entry("teacher").computed


def test_a_quantized_student_that_the_measurements_fail_is_an_error_in_dagster(recipe: Path) -> None:
    recipe.write_text(_with("gates.max_latency_us", 0.001))
    product.run(patterns=["measurements"])
    found = _evaluation("measurements", "latency_int8")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    latency = product.entry("measurements").metrics[f"{_QUANTIZED}.latency_p50_us_batch1"]
    assert found.metadata["found"].value == pytest.approx(latency, rel=1e-5)


def _evaluation(name: str, check: str) -> dg.AssetCheckEvaluation:
    """The newest result of a check that Dagster's event log holds."""
    wanted = dg.AssetCheckKey(key("tiny", name), check)
    with instances.opened(homes.current()) as instance:
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([wanted])[wanted]
        assert record.event is not None
        event = record.event.dagster_event
        assert event is not None
        return event.asset_check_evaluation_data


def _compression(*arguments: str) -> Result:
    return CliRunner().invoke(app(), arguments)
