"""Uncertainty, paired tests and calibration against SciPy, scikit-learn and numbers from the literature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from compression_ops.evaluation import statistics


@settings(deadline=None)
@given(trials=st.integers(1, 50_000), share=st.floats(0, 1), confidence=st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_is_wilsons(trials: int, share: float, confidence: float) -> None:
    successes = round(trials * share)
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    found = statistics.proportion(successes, trials, confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_all_right_leaves_room_for_doubt_below_but_none_above() -> None:
    found = statistics.proportion(360, 360)
    assert found.high == found.value == 1.0
    assert found.low == pytest.approx(360 / (360 + 1.959964**2), abs=1e-6)


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 10), (11, 10)])
def test_a_fraction_that_cannot_be_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="trials"):
        statistics.proportion(successes, trials)


def paired(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, only_first, only_second, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def test_the_textbook_table_gives_its_exact_p_value() -> None:
    # The 2×2 table 59, 6, 16, 80, whose exact two-sided p-value is 0.0525 (mid-p 0.035, asymptotic 0.033).
    found = statistics.mcnemar(*paired(59, 6, 16, 80))
    assert (found.only_first, found.only_second) == (6, 16)
    assert found.p_value == pytest.approx(0.0525, abs=5e-5)


@settings(deadline=None)
@given(only_first=st.integers(0, 300), only_second=st.integers(0, 300), ties=st.integers(0, 20))
def test_the_paired_test_is_the_two_sided_binomial_test(only_first: int, only_second: int, ties: int) -> None:
    found = statistics.mcnemar(*paired(ties, only_first, only_second, 20 - ties))
    discordant = only_first + only_second
    expected = stats.binomtest(only_first, discordant).pvalue if discordant else 1.0
    assert found.p_value == pytest.approx(expected, rel=1e-9)


def test_the_paired_test_does_not_depend_on_which_classifier_comes_first() -> None:
    first, second = paired(100, 3, 11, 5)
    assert statistics.mcnemar(first, second).p_value == statistics.mcnemar(second, first).p_value


def test_classifiers_of_different_test_sets_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="differ"):
        statistics.mcnemar(np.ones(3, dtype=bool), np.ones(4, dtype=bool))


def test_agreement_counts_equal_predictions_not_right_ones() -> None:
    assert statistics.agreement(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 0.75


def calibration_error_by_its_definition(logits: np.ndarray, labels: np.ndarray, bins: int) -> float:
    probabilities = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(axis=1, keepdims=True)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    total = 0.0
    for number in range(1, bins + 1):
        inside = (confidence > (number - 1) / bins) & (confidence <= number / bins)
        if inside.any():
            total += inside.sum() / len(labels) * abs(right[inside].mean() - confidence[inside].mean())
    return total


@settings(deadline=None)
@given(seed=st.integers(0, 1000), classes=st.integers(2, 12), sharpness=st.floats(0.1, 10))
def test_calibration_error_follows_its_definition(seed: int, classes: int, sharpness: float) -> None:
    generator = np.random.default_rng(seed)
    logits = (sharpness * generator.normal(size=(200, classes))).astype(np.float32)
    labels = generator.integers(0, classes, 200)
    expected = calibration_error_by_its_definition(logits, labels, 15)
    assert statistics.expected_calibration_error(logits, labels) == pytest.approx(expected, abs=1e-9)


def test_a_classifier_that_is_as_often_right_as_it_says_has_no_calibration_error() -> None:
    logits = np.log(np.tile([[0.8, 0.2]], (10, 1)))
    labels = np.repeat([0, 1], [8, 2])
    assert statistics.expected_calibration_error(logits, labels) == pytest.approx(0, abs=1e-12)


def test_a_classifier_that_is_always_sure_and_half_right_is_off_by_half() -> None:
    logits = np.tile([[1000.0, 0.0]], (10, 1))
    assert statistics.expected_calibration_error(logits, np.repeat([0, 1], 5)) == pytest.approx(0.5)


def test_confusion_and_class_accuracy_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    labels, predictions = generator.integers(0, 7, 500), generator.integers(0, 7, 500)
    confusion = statistics.confusion_matrix(labels, predictions, 7)
    np.testing.assert_array_equal(confusion, metrics.confusion_matrix(labels, predictions))
    expected = metrics.recall_score(labels, predictions, average=None)
    np.testing.assert_allclose(statistics.class_accuracy(confusion), expected)


def test_a_class_without_samples_has_no_accuracy() -> None:
    confusion = statistics.confusion_matrix(np.array([0, 2]), np.array([0, 1]), 3)
    np.testing.assert_array_equal(statistics.class_accuracy(confusion), [1.0, np.nan, 0.0])
