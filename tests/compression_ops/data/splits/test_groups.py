"""Groups of samples, from files' paths and from arrays."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from compression_ops.data.splits import groups
from compression_ops.errors import DataError

_ROOT = Path("/data")


def _of(rule: str, *names: str) -> list[str]:
    files = [_ROOT / name for name in names]
    return groups.of_files(rule, files, [_ROOT / Path(name).parts[0] for name in names], _ROOT).tolist()


def test_a_folder_below_the_class_is_one_group_in_all_classes() -> None:
    assert _of("folder", "cat/p1/1.png", "cat/p1/left/2.png", "dog/P1/1.png", "dog/p2/1.png") == [
        "p1",
        "p1",
        "p1",
        "p2",
    ]


def test_the_bracket_of_a_pattern_is_the_group() -> None:
    assert _of(r"/(\w+?)_\d+\.", "cat/anna_1.png", "dog/anna_22.jpg", "dog/bo_1.png") == ["anna", "anna", "bo"]
    assert _of(r"^([^/]+/[^/]+)/", "cat/x/1.png", "dog/x/1.png") == ["cat/x", "dog/x"]


@pytest.mark.parametrize(("rule", "why"), [("folder", "lie directly in the folder of"), (r"(p\d)/", "do not match")])
def test_all_files_without_a_group_are_named(rule: str, why: str) -> None:
    with pytest.raises(DataError, match=rf"dataset\.groups: 2 of 3 image\(s\).*{why}.*\n  a/1\.png\n  b/2\.png"):
        _of(rule, "a/1.png", "b/2.png", "b/p1/3.png")


@pytest.mark.parametrize("rule", ["(a", "a", "(a)(b)", "Folder", "", "(?:a)"])
def test_what_is_no_rule_is_refused_with_the_recipe(rule: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(groups.FileGroups).validate_python(rule)


def test_arrays_of_numbers_and_text_are_groups() -> None:
    for values in (
        np.array([3, 3, 10]),
        np.array([[3], [3], [10]]),
        np.array(["3", "3", "10"]),
        np.array([b"3", b"3", b"10"]),
    ):
        assert groups.of_array(values, 3, "x.npz: patient").tolist() == ["3", "3", "10"]


@pytest.mark.parametrize("values", [np.array([1.0, 2.0]), np.array([[1, 2], [3, 4]]), np.arange(3)])
def test_arrays_that_are_no_groups_are_refused(values: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"x\.npz: patient: "):
        groups.of_array(values, 2, "x.npz: patient")


def test_all_groups_in_train_and_in_test_are_named() -> None:
    with pytest.raises(DataError, match=r"2 group.* stand in train and in test: a, c"):
        groups.require_apart(np.array(["a", "b", "c", "a"]), np.array(["c", "a", "d"]))
    groups.require_apart(np.array(["a"]), np.array(["b"]))
