"""Intervals and p-values by resampling, against SciPy's bootstrap and a plain loop over drawn samples."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from compression_ops import metric as metrics
from compression_ops.evaluation import bootstrap
from compression_ops.metric import Metric


def draw(samples: int, share: float, skill: float, other: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of three classes, of which the first has that share, and two classifiers of that skill."""
    generator = np.random.default_rng(7)
    labels = np.where(generator.random(samples) < share, 0, generator.integers(1, 3, samples))
    guesses = (
        np.where(generator.random(samples) < right, labels, generator.integers(0, 3, samples))
        for right in (skill, other)
    )
    return labels, *guesses


def of(metric: Metric, labels: np.ndarray, predictions: np.ndarray) -> float:
    if metric == "f1_macro":
        return float(reference.f1_score(labels, predictions, average="macro"))
    return float(reference.balanced_accuracy_score(labels, predictions))


@pytest.mark.parametrize("metric", metrics.CLASS_AVERAGED)
def test_the_value_is_scikit_learns_and_the_interval_is_scipys(metric: Metric) -> None:
    labels, predictions, _ = draw(400, 0.7, 0.6, 0.6)
    found = bootstrap.estimates(labels, predictions, 3)[metric]
    assert found.value == pytest.approx(of(metric, labels, predictions), rel=1e-12)
    expected = stats.bootstrap(
        (labels, predictions),
        lambda first, second: of(metric, first, second),
        paired=True,
        vectorized=False,
        n_resamples=500,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


@pytest.mark.parametrize("metric", metrics.CLASS_AVERAGED)
@pytest.mark.parametrize("other", [0.6, 0.5, 0.4])
def test_a_difference_is_that_of_a_plain_loop_over_drawn_samples(metric: Metric, other: float) -> None:
    labels, predictions, second = draw(300, 0.7, 0.6, other)
    found = bootstrap.differences(labels, predictions, second, 3)[metric]
    generator, gains = np.random.default_rng(11), list[float]()
    for _ in range(600):
        rows = generator.integers(0, 300, 300)
        gains.append(100 * (of(metric, labels[rows], predictions[rows]) - of(metric, labels[rows], second[rows])))
    assert found.points == pytest.approx(100 * (of(metric, labels, predictions) - of(metric, labels, second)))
    assert (found.low, found.high) == pytest.approx(np.quantile(gains, (0.025, 0.975)).tolist(), abs=1.2)
    beyond = min(np.mean(np.array(gains) <= 0), np.mean(np.array(gains) >= 0))
    assert found.p_value == pytest.approx(min(1.0, 2 * beyond), abs=0.08)


def test_resampling_sorts_of_samples_is_resampling_samples() -> None:
    """Mean and variance of each class's counts are those of N draws with replacement."""
    labels, predictions, _ = draw(500, 0.8, 0.7, 0.7)
    (found,) = bootstrap.resample(labels, [predictions], 3)
    counts = metrics.tally(labels, predictions, 3)
    for name in ("hits", "actual", "predicted"):
        share = getattr(counts, name) / 500
        np.testing.assert_allclose(getattr(found, name).mean(axis=0), 500 * share, rtol=0.02)
        np.testing.assert_allclose(getattr(found, name).var(axis=0), 500 * share * (1 - share), rtol=0.15)
    assert (found.actual.sum(axis=1) == 500).all()
    assert len(found.hits) == bootstrap.REPLICATES


def test_both_classifiers_are_judged_on_the_same_draws() -> None:
    labels, predictions, second = draw(200, 0.5, 0.8, 0.5)
    one, other = bootstrap.resample(labels, [predictions, second], 3)
    np.testing.assert_array_equal(one.actual, other.actual)
    same, again = bootstrap.resample(labels, [predictions, predictions], 3)
    np.testing.assert_array_equal(same.hits, again.hits)


def test_classifiers_that_agree_everywhere_cannot_be_told_apart() -> None:
    labels, predictions, _ = draw(100, 0.5, 0.7, 0.7)
    for found in bootstrap.differences(labels, predictions, predictions, 3).values():
        assert (found.points, found.p_value, found.low, found.high) == (0, 1, 0, 0)


def test_a_classifier_that_is_always_better_has_the_least_p_value_and_never_zero() -> None:
    labels = np.arange(300) % 3
    for found in bootstrap.differences(labels, labels, np.zeros(300, np.int64), 3).values():
        assert found.p_value == pytest.approx(2 / (bootstrap.REPLICATES + 1))
        assert found.points > 60


def test_swapping_the_two_turns_the_sign_alone() -> None:
    labels, predictions, second = draw(250, 0.6, 0.7, 0.6)
    forth, back = (bootstrap.differences(labels, *pair, 3) for pair in ((predictions, second), (second, predictions)))
    for metric in metrics.CLASS_AVERAGED:
        assert forth[metric].points == pytest.approx(-back[metric].points)
        assert forth[metric].p_value == pytest.approx(back[metric].p_value, abs=0.05)


def test_equal_predictions_give_equal_numbers_however_much_is_drawn_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, predictions, second = draw(300, 0.7, 0.6, 0.5)
    first = bootstrap.differences(labels, predictions, second, 3)
    assert bootstrap.differences(labels, predictions, second, 3) == first
    monkeypatch.setattr(bootstrap, "_DRAWS", 100)
    assert bootstrap.differences(labels, predictions, second, 3) == first


def test_a_resample_may_lack_a_class_of_few_samples() -> None:
    labels = np.array([0] * 30 + [1])
    for found in bootstrap.estimates(labels, labels, 2).values():
        assert (found.value, found.low, found.high) == (1, 1, 1)
