"""Edits of a recipe by several processes at once, and beside an editor: none is lost."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from compression_ops.errors import CompressionError
from pipelines.recipe import edit
from pipelines.recipe import file as recipe_file
from pipelines.recipe.writing import in_place, lock
from tests.conftest import REPOSITORY
from tests.pipelines import recipes

_FIELDS = {
    "teacher.epochs": 11,
    "teacher.batch_size": 12,
    "teacher.seed": 13,
    "soft_labels.views": 14,
    "soft_labels.seed": 15,
    "students.small.epochs": 16,
    "students.small.seed": 17,
    "benchmark.iterations": 18,
}
_EDIT = """
import sys
import threading
from pathlib import Path
from pipelines.recipe import edit, file
file.recipe_names()
print("ready", flush=True)
sys.stdin.readline()
for value in (1000, int(sys.argv[3])):
    edit.set_values(Path(sys.argv[1]), {sys.argv[2]: value})
"""


def _value(path: Path, dotted: str) -> object:
    node: object = recipe_file.read(path).recipe.model_dump()
    for key in dotted.split("."):
        assert isinstance(node, dict)
        node = node[key]
    return node


@pytest.mark.slow
def test_eight_processes_that_set_eight_fields_at_once_lose_none(tmp_path: Path) -> None:
    path = recipes.write(tmp_path)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _EDIT, str(path), field, str(value)],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for field, value in _FIELDS.items()
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate("go\n", timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(_FIELDS), outputs
    assert {field: _value(path, field) for field in _FIELDS} == _FIELDS
    assert "# where the images come from" in path.read_text()
    assert [item.name for item in path.parent.iterdir()] == ["defs.yaml"]


def test_what_an_editor_saves_between_reading_and_writing_is_kept(tmp_path: Path) -> None:
    path = recipes.write(tmp_path)
    saved: list[int] = []

    def save(_: recipe_file.RecipeFile) -> None:
        if not saved:
            saved.append(1)
            path.write_text(recipes.edited(("views: 2", "views: 5")))

    edit.set_values(path, {"teacher.epochs": 9}, save)
    assert (_value(path, "soft_labels.views"), _value(path, "teacher.epochs")) == (5, 9)


def test_a_file_that_never_rests_is_left_as_its_editor_wrote_it(tmp_path: Path) -> None:
    path = recipes.write(tmp_path)
    saves = iter(range(2, 1000))

    def save(_: recipe_file.RecipeFile) -> None:
        path.write_text(recipes.edited(("views: 2", f"views: {next(saves)}")))

    before = next(saves)
    with pytest.raises(CompressionError, match="changed by another program"):
        edit.set_values(path, {"teacher.epochs": 9}, save)
    assert _value(path, "teacher.epochs") == 1
    assert _value(path, "soft_labels.views") != before


def test_an_edit_waits_for_the_one_before_it_and_builds_on_it(tmp_path: Path) -> None:
    path = recipes.write(tmp_path)
    second = threading.Thread(target=edit.set_values, args=(path, {"teacher.epochs": 9}))
    with lock.held(path.parent):
        second.start()
        second.join(0.5)
        assert second.is_alive()
        path.write_text(recipes.edited(("views: 2", "views: 5")))
    second.join(60)
    assert (_value(path, "soft_labels.views"), _value(path, "teacher.epochs")) == (5, 9)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_a_recipe_with_other_line_ends_that_is_written_anew_has_one_kind_of_them(ending: str, tmp_path: Path) -> None:
    """A map is not set in its place; what is written anew is written whole."""
    path = recipes.write(tmp_path)
    path.write_text("# of ours\n" + recipes.edited(("  teacher:", "  # below it\n\n  teacher:")), newline=ending)
    edit.set_values(path, {"teacher.weight_decay": 0.03, "students.small.loss": {"type": "kd", "alpha": 0.5}})
    written = path.read_bytes()
    assert b"\r" not in written.replace(b"\r\n", b"\n")
    assert written.count(b"\r\n") in (0, written.count(b"\n"))
    assert b"# below it" in written
    assert _value(path, "teacher.weight_decay") == 0.03


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("teacher.epochs", 3),
        ("soft_labels.views", 5),
        ("students.small.loss.temperature", 2.5),
        ("students.small.loss.temperature", 2),
        ("students.small.control", False),
        ("dataset.limit", None),
        ("automation.observe", "*/5 * * * *"),
        ("metric", "balanced_accuracy"),
    ],
)
def test_a_value_is_set_in_its_place_and_no_other_character_changes(
    field: str, value: object, ending: str, tmp_path: Path
) -> None:
    folder = "/data/" + "long/" * 40
    text = recipes.edited(
        ("dataset: {source: digits,", f"metric: 'accuracy'\n  dataset: {{source: digits, # {folder}\n    "),
        ("{mode: off}", '{mode: off, observe: "0 * * * *"}'),
    )
    path = recipes.write(tmp_path)
    path.write_text(text, newline=ending)
    before = path.read_bytes().splitlines(keepends=True)
    edit.set_values(path, {field: value})
    assert _value(path, field) == value
    after = path.read_bytes().splitlines(keepends=True)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 1
    old, new = (line.decode() for line in changed[0])
    name = field.rpartition(".")[2]
    assert old.partition(f"{name}:")[0] == new.partition(f"{name}:")[0]
    assert old.rpartition("#")[2] == new.rpartition("#")[2] if "#" in old else True


@pytest.mark.parametrize("text", ["a: b", "[x]", "# no", "it's", '"', "{}", "no", "5", "", " x ", "ä, b", "a,b}"])
def test_any_text_is_read_back_as_it_was_set(text: str) -> None:
    document = "attributes:\n  # which\n  dataset: {path: old, seed: 0}  # here\n  name: 'x'\n"
    for path in (("attributes", "dataset", "path"), ("attributes", "name")):
        found = in_place.set_scalar(document, path, text)
        assert found is not None
        node = YAML(typ="safe").load(found)
        for key in path:
            node = node[key]
        assert node == text
        assert found.count("\n") == document.count("\n")


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("students.small.momentum", 0.5, "      momentum: 0.5"),
        ("quantized_students.int8.reduce_range", False, "      reduce_range: false"),
        ("automation.timezone", "Asia/Tokyo", "  automation: {mode: off, timezone: Asia/Tokyo}"),
        ("metric", "f1_macro", None),
        ("gates.max_drift", 0.5, None),
    ],
)
def test_a_field_that_is_not_there_yet_breaks_no_line_of_the_others(
    field: str, value: object, line: str | None, tmp_path: Path
) -> None:
    path = recipes.write(tmp_path)
    before = path.read_text().splitlines()
    edit.set_values(path, {field: value})
    assert _value(path, field) == value
    after = path.read_text().splitlines()
    assert [each for each in after if each not in before] == ([line] if line else after[-len(after) + len(before) :])
    assert [each for each in before if each not in after] in ([], ["  automation: {mode: off}"])
