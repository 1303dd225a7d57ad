"""Paired statistics against closed forms, a published table, and exact coverage."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from compression_ops.evaluation.comparison import paired


def _answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return np.array(first), np.array(second)


def test_of_the_approval_ratings_of_a_prime_minister_it_is_the_adjusted_interval() -> None:
    """Agresti 2002, Categorical Data Analysis, table 10.1: 794, 150, 86, 570; with 1/2 in each cell, worked by hand:
    -64 / 1602 = -0.039950, standard deviation √(237 - 64² / 1602) / 1602 = 0.0095579.
    """
    low, high = paired.interval(*_answers(794, 150, 86, 570))
    assert low == pytest.approx(-0.039950 - 1.959964 * 0.0095579, abs=1e-6)
    assert high == pytest.approx(-0.039950 + 1.959964 * 0.0095579, abs=1e-6)


def test_it_is_that_of_the_mean_of_differences_with_half_a_sample_more_of_each_sort() -> None:
    """By the weighted variance of values +1, -1 and 0, without any formula of proportions."""
    values, weights = np.array([1.0, -1.0, 0.0]), np.array([3.5, 7.5, 31.0])
    mean = np.average(values, weights=weights)
    error = math.sqrt(np.average((values - mean) ** 2, weights=weights) / weights.sum())
    assert paired.interval(*_answers(20, 7, 3, 10)) == pytest.approx(
        (mean - 1.959964 * error, mean + 1.959964 * error), abs=1e-6
    )


@pytest.mark.parametrize(("lost", "gained"), [(0.02, 0.02), (0.1, 0.05), (0.25, 0.05)])
def test_of_forty_samples_it_holds_the_true_difference_as_often_as_it_says(lost: float, gained: float) -> None:
    """By adding up the exact probability of every table; without the halves it is as low as 56 %."""
    samples, held = 40, 0.0
    for one, other in product(range(samples + 1), repeat=2):
        if one + other <= samples:
            low, high = paired.interval(*_answers(samples - one - other, one, other, 0))
            if low <= gained - lost <= high:
                held += stats.multinomial.pmf(
                    [one, other, samples - one - other], samples, [lost, gained, 1 - lost - gained]
                )
    assert 0.94 <= held <= 1


def test_equal_answers_leave_a_difference_open_and_all_ends_stay_within_one() -> None:
    same = np.ones(10, bool)
    low, high = paired.interval(same, same)
    assert low == -high
    assert 0 < high < 0.2
    assert paired.interval(np.zeros(1, bool), np.ones(1, bool))[1] <= 1


def test_answers_to_other_samples_or_to_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        paired.interval(np.ones(3, bool), np.ones(2, bool))
    with pytest.raises(ValueError, match="not empty"):
        paired.interval(np.ones(0, bool), np.ones(0, bool))


def test_the_likelihood_is_that_of_a_plain_loop_and_ln_c_without_an_opinion() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (7, 4)).astype(np.float32)
    labels = np.array([0, 1, 2, 3, 0, 1, 2])
    expected = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        expected -= math.log(math.exp(row[label]) / sum(map(math.exp, row))) / len(labels)
    assert paired.negative_log_likelihood(logits, labels) == pytest.approx(expected)
    assert paired.negative_log_likelihood(np.zeros((7, 4), np.float32), labels) == pytest.approx(math.log(4))
    assert math.isfinite(paired.negative_log_likelihood(np.array([[0, 1e4]], np.float32), np.array([0])))
