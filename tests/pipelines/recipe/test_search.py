"""Every mistake in the section `search` is told with its line, what was found and what is allowed."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compression_ops.errors import CompressionError
from pipelines.pipeline import Pipeline
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from tests.pipelines import recipes

_SECTION = """\
  search:
    trials: 6
    seed: 0
    maximize: student/small.validation_accuracy
    minimize: [quantized_student/int8.file_bytes]
    constraints: {quantized_student/int8.accuracy_drop_points: {at_most: 50}}
    fields:
      students.small.learning_rate: {low: 0.001, high: 0.03, log: true}
      students.small.epochs: {low: 1, high: 5, step: 2}
      quantized_students.int8.weight_bits: {choices: [4, 8]}
"""
_RATE, _EPOCHS = "students.small.learning_rate", "students.small.epochs"
_BITS = "quantized_students.int8.weight_bits"
_MAXIMIZE = "maximize: student/small.validation_accuracy"
# (what stands in the section, what is written instead, the field, words of the message)
MISTAKES = {
    "unknown key": ("trials: 6", "trails: 6", "search.trails", "`trials`"),
    "no trials": ("trials: 6", "trials: 0", "search.trials", "at least 1"),
    "negative seed": ("seed: 0", "seed: -1", "search.seed", "at least 0"),
    "unknown sampler": ("seed: 0", "sampler: grid", "search.sampler", "one of: tpe, nsgaii, random"),
    "unknown pruner": ("seed: 0", "pruner: mean", "search.pruner", "one of: median, successive_halving, none"),
    "a number for an objective": (_MAXIMIZE, "maximize: 3", "search.maximize", "a number of an asset's validation"),
    "one objective twice": ("[quantized_student/int8.file_bytes]", _MAXIMIZE[10:], "search.minimize", "in both"),
    "no such asset": (_MAXIMIZE, "maximize: student/smal.validation_loss", "search.maximize", "`student/small"),
    "no such number": ("/small.validation_accuracy", "/small.accuracy", "search.maximize", "validation_accuracy"),
    "the test split": (
        _MAXIMIZE,
        "maximize: measurements.test_accuracy",
        "search.maximize",
        "reads the test split",
        "a number of the validation split",
    ),
    "the champion": (_MAXIMIZE, "maximize: champion.x", "search.maximize", "reads the test split"),
    "an asset without numbers": (_MAXIMIZE, "maximize: soft_labels.x", "search.maximize", "has no numbers"),
    "a constraint of no asset": (
        "int8.accuracy_drop",
        "int4.accuracy_drop",
        "search.constraints.quantized_student/int4.accuracy_drop_points",
        "no such asset",
    ),
    "a constraint that limits nothing": (
        "{at_most: 50}",
        "{}",
        "search.constraints.quantized_student/int8.accuracy_drop_points",
        "limits nothing",
    ),
    "a constraint that no number keeps": (
        "{at_most: 50}",
        "{at_most: 0.1, at_least: 0.9}",
        "search.constraints.quantized_student/int8.accuracy_drop_points.at_least",
        "out of range",
        "0.9 (a number)",
        "at most `at_most`, which is 0.1",
    ),
    "no such field": (f"{_BITS}:", "quantized_students.int8.bits:", "quantized_students.int8.bits", "weight_bits"),
    "no such student": (f"{_RATE}:", "students.smal.learning_rate:", "students.smal", f"`{_RATE}`"),
    "a map": (f"{_BITS}:", "students.small.loss:", "students.small.loss", "not a field", "loss.temperature"),
    "no parameter": (f"{_BITS}:", "gates.max_drift:", "gates.max_drift", "not a parameter"),
    "who is quantized": (
        "weight_bits: {choices: [4, 8]}",
        "student: {choices: [small]}",
        "int8.student",
        "changes the",
    ),
    "an ensemble": (
        f"{_BITS}: {{choices: [4, 8]}}",
        "teacher.ensemble: {choices: [2]}",
        "ensemble",
        "changes the graph",
    ),
    "how many seeds": (f"{_BITS}:", "students.small.seeds:", "students.small.seeds", "changes the graph"),
    "a type without a stated field": (
        f"{_BITS}: {{choices: [4, 8]}}",
        "students.small.loss.type: {choices: [kd, dist]}",
        "loss.type.choices[1]: has no field `alpha`",
        "one that has students.small.loss.alpha, which the recipe states",
        "inter",
    ),
    "no map of constraints": (
        "{quantized_student/int8.accuracy_drop_points: {at_most: 50}}",
        "3",
        "constraints",
        "numbers",
    ),
    "of no number": (f"{_BITS}: {{choices: [4, 8]}}", "benchmark.threads: {choices: [1]}", "threads", "measurements"),
    "the images": (f"{_BITS}: {{choices: [4, 8]}}", "dataset.limit: {choices: [150]}", "dataset.limit", "same images"),
    "low above high": ("low: 0.001", "low: 0.1", f"{_RATE}.low", "less than `high`, which is 0.03"),
    "low as high": ("low: 0.001", "low: 0.03", f"{_RATE}.low", "less than `high`"),
    "log of zero": ("low: 0.001", "low: 0", f"{_RATE}.low", "more than 0 with `log: true`"),
    "no high": (", high: 0.03", "", f"{_RATE}.high", "missing", "`low` and `high`; or `choices`"),
    "text for an end": ("low: 0.001", "low: little", f"{_RATE}.low", "'little' (text)", "a finite number"),
    "true for an end": ("low: 0.001", "low: true", f"{_RATE}.low", "a finite number"),
    "infinite": ("high: 0.03", "high: .inf", f"{_RATE}.high", "a finite number"),
    "an end that is refused": ("high: 0.03", "high: 1000", f"{_RATE}.high", "1000 (a number)", "at most 100"),
    "a choice that is refused": ("[4, 8]", "[4, 9]", f"{_BITS}.choices[1]", "9 (a number)"),
    "a choice of a kind": ("[4, 8]", "[four, 8]", f"{_BITS}.choices[0]", "'four' (text)"),
    "a list as a choice": ("[4, 8]", "[[4], 8]", f"{_BITS}.choices[0]", "a number, text, true or false"),
    "no choices": ("[4, 8]", "[]", f"{_BITS}.choices", "a list"),
    "a choice twice": ("[4, 8]", "[4, 4]", f"{_BITS}.choices", "each value once"),
    "both forms": ("[4, 8]", "[4, 8], low: 4", f"{_BITS}.low", "not beside `choices`"),
    "a fraction of an epoch": ("low: 1, high", "low: 1.5, high", f"{_EPOCHS}.low", "a whole number"),
    "a step that is no whole number": ("step: 2", "step: 0.5", f"{_EPOCHS}.step", "a whole number"),
    "no step": ("step: 2", "step: 0", f"{_EPOCHS}.step", "more than 0"),
    "a step too far": ("step: 2", "step: 5", f"{_EPOCHS}.step", "at most 4"),
    "step and log": ("step: 2", "step: 2, log: true", f"{_EPOCHS}.step", "not beside `log`"),
}


def _read(defs: Path, section: str) -> Pipeline:
    return Pipeline.of(file.check(recipes.write(defs, text=recipes.TINY + section)))


def test_the_section_without_a_mistake_is_right(defs: Path) -> None:
    search = _read(defs, _SECTION).file.recipe.search
    assert search is not None
    assert search.objectives == {
        "student/small.validation_accuracy": "maximize",
        "quantized_student/int8.file_bytes": "minimize",
    }


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_line_value_and_cure(name: str, defs: Path) -> None:
    old, new, field, *words = MISTAKES[name]
    assert _SECTION.count(old) == 1, old
    with pytest.raises(RecipeError) as caught:
        _read(defs, _SECTION.replace(old, new))
    message = str(caught.value)
    line = recipes.TINY.count("\n") + _SECTION[: _SECTION.index(old)].count("\n") + 1
    first = message.splitlines()[0]
    assert first.split("defs.yaml:")[1].startswith(f"{line}: search."), message
    assert field in first
    assert all(word in message for word in ("allowed:", *words)), message
    assert message.count("defs.yaml:") == 1, message


def test_a_search_needs_an_objective(defs: Path) -> None:
    lines = [line for line in _SECTION.splitlines() if "imize" not in line]
    with pytest.raises(RecipeError, match=r"search\.maximize: missing"):
        _read(defs, "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("edit", "number", "field", "value"),
    [
        ("metric: f1_macro", "maximize: student/small.validation_f1_macro", "metric", "accuracy"),
        (
            "method: {type: automatic, max_accuracy_drop: 5, minimize: latency}",
            "minimize: quantized_student/int8.latency_us",
            "quantized_students.int8.method.minimize",
            "bytes",
        ),
    ],
)
def test_a_choice_with_which_a_number_is_missing_is_told(
    edit: str, number: str, field: str, value: str, defs: Path
) -> None:
    old = "  automation:" if edit.startswith("metric") else "      weight_bits: 8"
    text = recipes.edited((old, f"{' ' * (len(old) - len(old.lstrip()))}{edit}\n{old}"))
    stated = edit.rpartition(": ")[2].rstrip("}")
    section = "  search:\n    trials: 4\n    {}\n    fields: {{{}: {{choices: [{}]}}}}\n"
    Pipeline.of(file.check(recipes.write(defs, text=text + section.format(number, field, stated))))
    recipes.write(defs, text=text + section.format(number, field, f"{stated}, {value}"))
    with pytest.raises(RecipeError) as caught:
        Pipeline.open("tiny")
    assert f"search.fields.{field}.choices[1]: has no {number.partition(' ')[2]}" in str(caught.value)
    assert f"'{value}' (text)" in str(caught.value)


def test_a_search_needs_a_field_which_is_told_as_a_path(defs: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        _read(defs, _SECTION[: _SECTION.index("fields:")] + "fields: {}\n")
    assert "allowed: a map from fields, as `students.small.learning_rate`, to maps, at least one" in str(caught.value)


def test_a_mistake_elsewhere_is_told_once_and_not_again_by_the_search(defs: Path) -> None:
    text = recipes.edited(("temperature: 4.0", "temperature: 0")) + _SECTION
    with pytest.raises(RecipeError) as caught:
        file.check(recipes.write(defs, text=text))
    assert str(caught.value).count("defs.yaml:") == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutilated_section_is_told_in_words(data: st.DataObject, defs: Path) -> None:
    lines = _SECTION.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = data.draw(
        st.sampled_from([lines[number][2:], lines[number] + " {", "", lines[number].replace(":", ""), "  x: 1"])
        | st.text(max_size=30)
        | st.sampled_from([lines[number].partition(":")[0] + ": " + odd for odd in _ODD])
    )
    told: CompressionError | None = None
    try:
        _read(defs, "\n".join(lines) + "\n")
    except CompressionError as error:
        told = error
    if isinstance(told, RecipeError):
        assert all(mistake.line >= 1 for mistake in told.mistakes)


_ODD = ["null", "[1]", "{a: 1}", "1" * 400, ".nan", "-.inf", "1e400", "'1'", "true", "2024-01-01", "{low: 1}", "[[]]"]
