"""Every mistake in a recipe gives one error: file, line, field, value found, what is allowed, nearest name."""

from pathlib import Path

import pytest

from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from tests.pipelines import recipes

_MODE = "automation: {mode: off}"  # stands last in the recipe, so that another section may stand there instead
MISTAKES = {
    "unknown key": (("weight_decay:", "wieght_decay:"), "teacher.wieght_decay", "unknown key", "`weight_decay`"),
    "unknown section": (("  benchmark:", "  benchmarks:"), "benchmarks", "unknown key", "`benchmark`"),
    "text for a number": (("epochs: 1  #", "epochs: zero  #"), "teacher.epochs", "'zero' (text)", "whole number"),
    "quoted number": (("epochs: 1  #", "epochs: '1'  #"), "teacher.epochs", "'1' (text)", "a whole number"),
    "fraction for a whole number": (("views: 2", "views: 2.5"), "soft_labels.views", "2.5 (a number)", "whole"),
    "empty value": (("views: 2", "views:"), "soft_labels.views", "nothing", "a whole number"),
    "zero epochs": (("epochs: 1  #", "epochs: 0  #"), "teacher.epochs", "0 (a number)", "at least 1"),
    "temperature zero": (
        ("temperature: 4.0", "temperature: 0"),
        "students.small.loss.temperature",
        "0 (a number)",
        "more than 0",
    ),
    "negative temperature": (
        ("temperature: 4.0", "temperature: -1.5"),
        "students.small.loss.temperature",
        "-1.5 (a number)",
        "more than 0",
    ),
    "alpha above one": (("alpha: 0.9", "alpha: 1.1"), "students.small.loss.alpha", "1.1", "at most 1"),
    "fraction of one": (
        ("validation_fraction: 0.1", "validation_fraction: 1"),
        "dataset.validation_fraction",
        "1 (a number)",
        "less than 1",
    ),
    "bits that do not run": (
        ("weight_bits: 8", "weight_bits: 3"),
        "quantized_students.int8.weight_bits",
        "3 (a number)",
        "8",
    ),
    "unknown loss": (("type: kd", "type: kdd"), "students.small.loss.type", "'kdd' (text)", "`kd`"),
    "unknown method": (
        ("method: minmax", "method: minmacs"),
        "quantized_students.int8.calibration.method",
        "'minmacs' (text)",
        "`minmax`",
    ),
    "loss without a type": (("type: kd, ", ""), "students.small.loss.type", "missing", "kd"),
    "unknown source": (("source: digits", "source: digit"), "dataset.source", "'digit' (text)", "`digits`"),
    "unknown architecture": (
        ("architecture: tiny_cnn", "architecture: tiny_cn"),
        "students.small.architecture",
        "'tiny_cn' (text)",
        "`tiny_cnn`",
    ),
    "architecture from no module": (
        ("architecture: tiny_cnn", "architecture: 'nowhere.at_all:build'"),
        "students.small.architecture",
        "nowhere.at_all",
        "PYTHONPATH",
    ),
    "architecture without such a function": (
        ("architecture: tiny_cnn", "architecture: 'compression_ops.models.architectures.tiny_cnn:biuld'"),
        "students.small.architecture",
        "biuld",
        "`build`",
    ),
    "quantized student of nobody": (
        ("student: small", "student: smal"),
        "quantized_students.int8.student",
        "'smal' (text)",
        "`small`",
    ),
    "missing field": (
        ("    learning_rate: 0.003\n    weight", "    weight"),
        "teacher.learning_rate",
        "missing",
        "number",
    ),
    "boolean as text": (("per_channel: true", "per_channel: maybe"), "per_channel", "'maybe' (text)", "true or false"),
    "name with a slash": (("    int8:", "    int/8:"), "int/8", "not a name", "letters, digits"),
    "list for a map": (
        ("soft_labels:\n    views: 2", "soft_labels: [1]\n  x:\n    views: 2"),
        "soft_labels",
        "a list",
        "map",
    ),
    "views without augmentation": (
        ("views: 2\n    augmentation: {translate: 1.0}", "views: 3"),
        "soft_labels.views",
        "3 (a number)",
        "the same",
    ),
    "empty batch sizes": (("batch_sizes: [1]", "batch_sizes: []"), "benchmark.batch_sizes", "a list of 0", "list"),
    "bad batch size": (
        ("batch_sizes: [1]", "batch_sizes: [0]"),
        "benchmark.batch_sizes[0]",
        "0 (a number)",
        "at least 1",
    ),
    "unknown gate": (
        (_MODE, "gates: {min_techer_accuracy: 0.5}"),
        "gates.min_techer_accuracy",
        "unknown key",
        "max_latency_us",
        "did you mean `min_teacher_accuracy`?",
    ),
    "section gate": ((_MODE, "gate: {max_drift: 1}"), "gate", "unknown key", "did you mean `gates`?"),
    "floor above one": (
        (_MODE, "gates: {min_teacher_accuracy: 1.5}"),
        "gates.min_teacher_accuracy",
        "1.5 (a number)",
        "at least 0 and at most 1",
    ),
    "no latency at all": (
        (_MODE, "gates: {max_latency_us: 0}"),
        "gates.max_latency_us",
        "0 (a number)",
        "a number, more than 0, or nothing",
    ),
    "gates without a map": ((_MODE, "gates: 3"), "gates", "3 (a number)", "a map with the keys min_class_balance"),
    "mode as a boolean": (("mode: off", "mode: true"), "automation.mode", "true (true/false)", "one of: on, off"),
    "unknown mode": (("mode: off", "mode: of"), "automation.mode", "'of' (text)", "did you mean `off`?"),
    "unknown setting of automation": (
        ("mode: off", "observ: '* * * * *'"),
        "automation.observ",
        "unknown key",
        "did you mean `observe`?",
    ),
    "words for a cron": ((_MODE, "automation: {retry: nightly}"), "automation.retry", "'nightly' (text)", "five cron"),
    "cron of four fields": (
        (_MODE, "schedule: {cron: '0 3 * *'}"),
        "schedule.cron",
        "'0 3 * *' (text)",
        "`0 3 * * 1` (Mondays at 3:00)",
    ),
    "cron of six fields": (
        (_MODE, "schedule: {cron: '0 0 3 * * 1'}"),
        "schedule.cron",
        "'0 0 3 * * 1' (text)",
        "five cron fields",
    ),
    "minute 61": ((_MODE, "schedule: {cron: '61 3 * * *'}"), "schedule.cron", "'61 3 * * *' (text)", "five cron"),
    "cron that Dagster does not know": (
        (_MODE, "schedule: {cron: '0 3 * * 5L'}"),
        "schedule.cron",
        "'0 3 * * 5L' (text)",
        "five cron fields",
    ),
    "day that never comes": (
        (_MODE, "schedule: {cron: '0 3 30 2 *'}"),
        "schedule.cron",
        "'0 3 30 2 *' (text)",
        "five cron fields",
    ),
    "schedule without a cron": ((_MODE, "schedule: {reseed: true}"), "schedule.cron", "missing", "five cron fields"),
    "reseed as text": (
        (_MODE, "schedule: {cron: '0 3 * * *', reseed: yes}"),
        "schedule.reseed",
        "'yes' (text)",
        "true or false",
    ),
    "bad time zone": (
        (_MODE, "schedule: {cron: '0 3 * * *', timezone: Europe/Berln}"),
        "schedule.timezone",
        "'Europe/Berln' (text)",
        "an IANA time zone",
        "did you mean `Europe/Berlin`?",
    ),
    "bad time zone of automation": (
        (_MODE, "automation: {timezone: Mars}"),
        "automation.timezone",
        "'Mars' (text)",
        "an IANA time zone",
    ),
    "warns when it fails": (
        (_MODE, "freshness: {warn_days: 30, fail_days: 30}"),
        "freshness.warn_days",
        "30 (a number)",
        "less than fail_days, which is 30",
    ),
    "warns after the default": (
        (_MODE, "freshness: {warn_days: 40}"),
        "freshness.warn_days",
        "40 (a number)",
        "less than fail_days, which is 30",
    ),
    "fails before the default warning": (
        (_MODE, "freshness: {fail_days: 3}"),
        "freshness.warn_days",
        "14, the default",
        "less than fail_days, which is 3",
    ),
    "negative age": ((_MODE, "freshness: {fail_days: -1}"), "freshness.fail_days", "-1 (a number)", "more than 0"),
    "owner nonsense": (
        (_MODE, "owners: [me@example.com, nonsense]"),
        "owners[1]",
        "'nonsense' (text)",
        "an e-mail address or `team:<name>`",
    ),
    "team without a name": ((_MODE, "owners: ['team:']"), "owners[0]", "'team:' (text)", "`team:<name>`"),
    "address that Dagster refuses": ((_MODE, "owners: [a@b.c]"), "owners[0]", "'a@b.c' (text)", "an e-mail address"),
    "one owner": (
        (_MODE, "owners: me@example.com"),
        "owners",
        "'me@example.com' (text)",
        "a list, each item an e-mail",
    ),
}


def _error(defs: Path, text: str) -> str:
    recipes.write(defs, text=text)
    with pytest.raises(RecipeError) as caught:
        file.load("tiny")
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


def test_several_mistakes_are_all_told_in_the_order_of_the_file(defs: Path) -> None:
    message = _error(defs, recipes.edited(("epochs: 1  #", "epochs: 0  #"), ("alpha: 0.9", "alpha: 2")))
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


def test_setting_a_field_keeps_every_comment_and_changes_one_line(defs: Path) -> None:
    path = defs / "tiny" / "defs.yaml"
    before = path.read_text().splitlines()
    file.set_values(path, {"teacher.epochs": 3})
    after = path.read_text().splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ("    epochs: 1  # enough for a test", "    epochs: 3  # enough for a test")
    ]


def test_setting_a_wrong_value_leaves_the_file_as_it_was(defs: Path) -> None:
    path = defs / "tiny" / "defs.yaml"
    before = path.read_bytes()
    with pytest.raises(RecipeError, match=r"tiny/defs.yaml:7: teacher.epochs"):
        file.set_values(path, {"teacher.epochs": -3})
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == ["defs.yaml"]


def test_a_new_section_can_be_set(defs: Path) -> None:
    path = defs / "tiny" / "defs.yaml"
    name, value = file.parse_assignment("quantized_students.pct.calibration={method: minmax, samples: 32}")
    changed = file.set_values(path, {"quantized_students.pct.student": "small", name: value})
    assert set(changed.recipe.quantized_students) == {"int8", "pct"}
