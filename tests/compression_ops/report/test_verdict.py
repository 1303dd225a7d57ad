"""Limits are kept or not, and the sentence says which."""

import pytest

from compression_ops.evaluation.quality import Change
from compression_ops.evaluation.statistics import Difference
from compression_ops.report import verdict
from compression_ops.report.limits import Limits


def change(points: float, p_value: float = 0.4) -> Change:
    return Change("student/small", points, (), 3, 5, p_value)


@pytest.mark.parametrize(
    ("points", "ratio", "passed"),
    [
        (0.0, 20.0, True),
        (0.9, 20.0, True),
        (-0.5, 4.0, True),
        (100 * (179 / 180 - 1) * 0.9, 4.0, True),
        (-0.51, 20.0, False),
        (0.0, 3.99, False),
        (-3.0, 1.0, False),
    ],
)
def test_a_model_passes_where_both_limits_hold_with_equality_allowed(points: float, ratio: float, passed: bool) -> None:
    found = verdict.judge(change(points), ratio, Limits(max_accuracy_drop=0.5, min_compression=4.0), digits=1)
    assert found.passed is passed
    assert found.drop_points == -points
    assert ("so this fails" in found.words) is not passed


def test_a_drop_of_exactly_the_limit_passes_in_spite_of_binary_fractions() -> None:
    lost = change(100 * (0.9915 - 0.9918))
    assert lost.points != -0.03
    assert verdict.judge(lost, 5, Limits(max_accuracy_drop=0.03, min_compression=4.0), digits=2).passed


def test_the_sentence_gives_both_numbers_both_limits_and_the_p_value() -> None:
    words = verdict.judge(
        change(-0.56, 0.0002), 24.13, Limits(max_accuracy_drop=0.5, min_compression=30.0), digits=2
    ).words
    assert words == (
        "Loses 0.56 points against student/small (at most 0.5 may be lost, so this fails; p < 0.001); its file is "
        "24.1× smaller than the teacher's (at least 30× asked, so this fails)."
    )


def test_of_several_seeds_their_mean_is_judged_and_no_number_is_rounded_to_the_limit_that_it_breaks() -> None:
    limits = Limits(max_accuracy_drop=0.5, min_compression=4.0)
    judged = verdict.judge(change(-0.56), 3.996, limits, 1, over_seeds=(2, Difference(-0.26, 0.3)))
    assert judged.drop_points == 0.26
    assert judged.words == (
        "Loses 0.3 points against student/small (mean of 2 seeds; at most 0.5 may be lost; p = 0.30); its file is "
        "3.996× smaller than the teacher's (at least 4× asked, so this fails)."
    )
    alone = verdict.judge(change(-0.52), 5, limits, 1)
    assert alone.words.startswith("Loses 0.52 points against student/small (at most 0.5 may be lost, so this fails; ")


@pytest.mark.parametrize(
    ("points", "p_value", "words"),
    [
        (0.29, 0.01, "Distillation gained 0.3 points of accuracy against control/small (p = 0.01)."),
        (
            -0.3,
            0.7,
            "Distillation cost 0.3 points of accuracy against control/small (p = 0.70); "
            "this test set cannot tell that from chance.",
        ),
        (0.0, 1.0, "Distillation made no difference: student/small is as accurate as control/small (p = 1)."),
    ],
)
def test_what_distillation_gained_is_not_claimed_beyond_chance(points: float, p_value: float, words: str) -> None:
    gain = Change("control/small", points, (), 0, 0, p_value)
    assert verdict.distillation_words("student/small", gain, digits=1) == words
