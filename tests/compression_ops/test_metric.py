"""The metrics are scikit-learn's, of one classifier and of many at once."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as reference

from compression_ops import metric as metrics
from compression_ops.metric import Metric, Tally

REFERENCE = {
    "accuracy": reference.accuracy_score,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "f1_macro": lambda labels, predictions: reference.f1_score(labels, predictions, average="macro"),
}


def draw(seed: int, classes: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which the first class has half, and predictions of which two thirds are right."""
    generator = np.random.default_rng(seed)
    labels = np.where(generator.random(samples) < 0.5, 0, generator.integers(0, classes, samples))
    wrong = generator.integers(0, classes, samples)
    return labels, np.where(generator.random(samples) < 2 / 3, labels, wrong)


@pytest.mark.parametrize("metric", REFERENCE)
@pytest.mark.parametrize(("classes", "samples"), [(2, 300), (3, 50), (10, 400), (150, 1000)])
def test_a_metric_is_scikit_learns(metric: Metric, classes: int, samples: int) -> None:
    labels, predictions = draw(classes, classes, samples)
    found = metrics.value(metric, metrics.tally(labels, predictions, classes))
    with np.errstate(all="ignore"):
        assert found == pytest.approx(REFERENCE[metric](labels, predictions), rel=1e-12)


@pytest.mark.parametrize("metric", REFERENCE)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_classes_that_are_absent_count_as_scikit_learn_counts_them(metric: Metric) -> None:
    """Class 2 is only predicted, class 3 neither present nor predicted, class 1 never predicted."""
    labels, predictions = np.array([0, 0, 0, 1, 1, 4]), np.array([0, 0, 2, 0, 2, 4])
    found = metrics.value(metric, metrics.tally(labels, predictions, 5))
    assert found == pytest.approx(REFERENCE[metric](labels, predictions), rel=1e-12)


def test_precision_recall_and_f1_of_each_class_are_scikit_learns() -> None:
    labels, predictions = draw(3, 6, 200)
    counts = metrics.tally(labels, predictions, 7)  # of the seventh there is nothing
    expected = reference.precision_recall_fscore_support(
        labels,
        predictions,
        labels=range(7),
        zero_division=np.nan,  # type: ignore[arg-type]
    )
    for found, column in zip((metrics.precision, metrics.recall, metrics.f1), expected, strict=False):
        np.testing.assert_allclose(found(counts), column, rtol=1e-12)
    assert np.isnan(metrics.f1(counts)[6])


@pytest.mark.parametrize("metric", REFERENCE)
def test_many_tallies_at_once_are_each_by_itself(metric: Metric) -> None:
    draws = [draw(seed, 4, 30) for seed in range(5)]
    each = [metrics.tally(labels, predictions, 4) for labels, predictions in draws]
    together = Tally(*(np.stack([getattr(one, name) for one in each]) for name in ("hits", "actual", "predicted")))
    assert metrics.value(metric, together).tolist() == [metrics.value(metric, one) for one in each]


def test_a_recipe_that_names_a_metric_is_read_without_numpy() -> None:
    script = "import sys, compression_ops.metric; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "compression_ops.metric" in loaded
    assert "numpy" not in loaded
