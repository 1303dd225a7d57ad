"""Every mistake in a recipe gives one error: file, line, field, value found, what is allowed, nearest name."""

from pathlib import Path

import pytest

from compression_ops.distillation.losses.kd import KD
from pipelines.recipe import edit, file
from pipelines.recipe.error import RecipeError
from tests.pipelines import recipes
from tests.pipelines.recipe.mistakes import MISTAKES


def _error(defs: Path, text: str) -> str:
    recipes.write(defs, text=text)
    with pytest.raises(RecipeError) as caught:
        file.check(file.find("tiny"))
    return str(caught.value)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_tells_line_field_value_and_cure(name: str, defs: Path) -> None:
    edit, field, *words = MISTAKES[name]
    message = _error(defs, recipes.edited(edit))
    first = message.splitlines()[0]
    assert field in first
    for word in words:
        assert word in message, message
    assert int(first.split("defs.yaml:")[1].split(":")[0]) == _line(name, recipes.edited(edit))


def _line(name: str, text: str) -> int:
    """The line of the edit; a missing field is told at the line of the map that lacks it."""
    before, after = recipes.TINY.splitlines(), text.splitlines()
    changed = next(number for number, pair in enumerate(zip(before, after, strict=False), 1) if pair[0] != pair[1])
    return (
        next(number for number, line in enumerate(after, 1) if "teacher:" in line)
        if name == "missing field"
        else changed
    )


@pytest.mark.parametrize("name", MISTAKES)
def test_one_mistake_gives_one_error(name: str, defs: Path) -> None:
    message = _error(defs, recipes.edited(MISTAKES[name][0]))
    extra = 1 if name in ("list for a map",) else 0
    assert message.count("defs.yaml:") == 1 + extra, message


_CONTROL = ("      control: true\n", "")
_MODE = "automation: {mode: off}"
_QUANTIZED = recipes.TINY[recipes.TINY.index("  quantized_students:") : recipes.TINY.index("  benchmark:")]


@pytest.mark.parametrize(
    ("gate", "without", "subject"),
    [
        ("min_distillation_gain: 0.5", _CONTROL, "a student with `control: true`"),
        ("max_latency_us: 40", (_QUANTIZED, ""), "a quantized student"),
        ("min_integer_share: 0.9", (_QUANTIZED, ""), "a quantized student"),
    ],
)
def test_a_gate_that_nothing_is_asked_is_a_mistake(
    gate: str, without: tuple[str, str], subject: str, defs: Path
) -> None:
    name, value = gate.split(": ")
    message = _error(defs, recipes.edited(without, (_MODE, f"gates: {{{gate}}}")))
    for words in (f"gates.{name}: asked of nothing", f"{value} (a number)", subject):
        assert words in message
    recipes.write(defs, text=recipes.edited((_MODE, f"gates: {{{gate}}}")))
    file.check(file.find("tiny"))
    recipes.write(defs, text=recipes.edited(without, (_MODE, "gates: {min_distillation_gain: -1}")))
    file.check(file.find("tiny"))  # the default, which asks nothing that was not asked before


def test_several_mistakes_are_all_told_in_the_order_of_the_file(defs: Path) -> None:
    message = _error(defs, recipes.edited(("epochs: 1  #", "epochs: -1  #"), ("alpha: 0.9", "alpha: 2")))
    assert message.index("teacher.epochs") < message.index("students.small.loss.alpha")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["the file is empty"]),
        ("# only a comment\n", ["the file is empty"]),
        ("a: [1, 2\n", ["not YAML", "expected"]),
        ("\ttabs: 1\n", ["not YAML"]),
        ("- a\n- b\n", ["not a recipe", "a list"]),
        ("just words\n", ["not a recipe", "'just words' (text)"]),
        ("type: pipelines.CompressionPipeline\n", ["attributes", "missing"]),
        ("type: pipelines.Compression\nattributes: {}\n", [":1:", "pipelines.CompressionPipeline"]),
        ("typo: x\nattributes: {}\n", ["unknown key", "`type`"]),
    ],
)
def test_a_file_that_is_no_recipe_is_told_so(text: str, words: list[str], defs: Path) -> None:
    message = _error(defs, text)
    assert all(word in message for word in words), message


def test_bytes_that_are_no_text_are_told_so(defs: Path) -> None:
    (defs / "tiny" / "defs.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(RecipeError, match="not YAML"):
        file.load("tiny")


def test_a_name_that_stands_twice_is_refused_with_its_line(defs: Path) -> None:
    text = recipes.edited(("  quantized_students:", "    small: {}\n  quantized_students:"))
    message = _error(defs, text)
    assert 'duplicate key "small"' in message
    assert ":26:" in message


def test_a_missing_path_is_told_with_the_folder_that_it_is_relative_to(defs: Path) -> None:
    text = recipes.edited(("source: digits", "source: npz, path: nowhere.npz"))
    message = _error(defs, text)
    assert "dataset.path" in message
    assert "'nowhere.npz' (text)" in message
    assert str(defs / "tiny") in message


def test_an_unknown_recipe_names_the_nearest(defs: Path) -> None:
    with pytest.raises(Exception, match="did you mean `tiny`"):
        file.load("tinny")


def test_class_weights_are_refused_with_a_loss_that_weighs_no_classes(
    defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = recipes.edited(("      loss: {type: kd", "      class_weights: balanced\n      loss: {type: kd"))
    recipes.write(defs, text=text)
    assert file.load("tiny").recipe.students["small"].class_weights == "balanced"
    monkeypatch.setattr(KD, "weighs_classes", False)
    message = _error(defs, text)
    assert "tiny/defs.yaml:24: students.small.class_weights: useless" in message
    assert "`uniform` with the loss kd, which weighs no classes" in message


def test_mixed_views_are_refused_with_a_loss_that_takes_no_mixed_labels(
    defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = recipes.edited(
        ("augmentation: {translate: 1.0}\n    seed: 0\n  st", "augmentation: {mixup: {alpha: 0.2}}\n    seed: 0\n  st")
    )
    recipes.write(defs, text=text)
    assert file.load("tiny").recipe.soft_labels.augmentation is not None
    monkeypatch.setattr(KD, "takes_mixed_labels", False)
    message = _error(defs, text)
    assert "tiny/defs.yaml:15: soft_labels.augmentation.mixup: mixes labels" in message
    assert "nothing with the loss kd of students.small, which takes no mixed labels" in message


def test_setting_a_field_keeps_every_comment_and_changes_one_line(defs: Path) -> None:
    path = defs / "tiny" / "defs.yaml"
    before = path.read_text().splitlines()
    edit.set_values(path, {"teacher.epochs": 3})
    after = path.read_text().splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ("    epochs: 1  # enough for a test", "    epochs: 3  # enough for a test")
    ]


def test_setting_a_wrong_value_leaves_the_file_as_it_was(defs: Path) -> None:
    path = defs / "tiny" / "defs.yaml"
    before = path.read_bytes()
    with pytest.raises(RecipeError, match=r"tiny/defs.yaml:7: teacher.epochs"):
        edit.set_values(path, {"teacher.epochs": -3})
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == ["defs.yaml"]


def test_a_new_section_can_be_set(defs: Path) -> None:
    path = defs / "tiny" / "defs.yaml"
    name, value = edit.parse_assignment("quantized_students.pct.calibration={method: minmax, samples: 32}")
    changed = edit.set_values(path, {"quantized_students.pct.student": "small", name: value})
    assert set(changed.recipe.quantized_students) == {"int8", "pct"}
