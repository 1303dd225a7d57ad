"""Who descends from whom."""

import pytest

from compression_ops.errors import CompressionError
from compression_ops.report import family

PARENTS = {
    "quantized_student/int8": "student/small",
    "student/tiny": "teacher",
    "control/small": "student/small",
    "student/small": "teacher",
    "teacher": None,
}


def test_each_model_is_followed_by_its_descendants_whatever_the_order_of_the_map() -> None:
    expected = ["teacher", "student/small", "control/small", "quantized_student/int8", "student/tiny"]
    assert family.order(PARENTS) == expected
    assert family.order(dict(sorted(PARENTS.items()))) == expected


def test_the_teacher_is_the_oldest_ancestor() -> None:
    assert {name: family.teacher_of(name, PARENTS) for name in PARENTS} == dict.fromkeys(PARENTS, "teacher")
    assert [family.depth(name, PARENTS) for name in ("teacher", "student/tiny", "control/small")] == [0, 1, 2]


def test_a_control_belongs_to_the_student_that_it_controls() -> None:
    assert family.controls(PARENTS) == {"student/small": "control/small"}


@pytest.mark.parametrize(
    ("parents", "words"),
    [
        ({}, "no model"),
        ({"student/a": "teacher"}, "student/a: parent 'teacher' is none of the models student/a"),
        ({"student/a": "student/b", "student/b": "student/a"}, "student/a descends from itself"),
        ({"student/a": "student/a"}, "student/a descends from itself"),
    ],
)
def test_a_lineage_that_cannot_be_is_refused(parents: dict[str, str | None], words: str) -> None:
    with pytest.raises(CompressionError, match=words):
        family.check(parents)
