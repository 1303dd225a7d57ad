"""What is told of one classifier and of the change between two, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn import metrics

from compression_ops.errors import ModelError
from compression_ops.evaluation import quality


def logits_of(predictions: list[int], classes: int = 3) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[predictions]


def test_quality_is_that_of_the_largest_logit() -> None:
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(300, 4)).astype(np.float32), generator.integers(0, 4, 300)
    found = quality.assess(logits, labels)
    predictions = logits.argmax(axis=1)
    assert found.accuracy.value == metrics.accuracy_score(labels, predictions)
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(labels, predictions))
    assert found.class_accuracy == pytest.approx(metrics.recall_score(labels, predictions, average=None))


def test_a_change_counts_points_overall_and_by_class() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    parent, model = logits_of([0, 0, 0, 1, 1, 1, 1, 0, 0, 0]), logits_of([0, 1, 1, 0, 1, 1, 1, 1, 2, 2])
    found = quality.compare(model, "parent", parent, labels)
    assert (found.only_model_right, found.only_reference_right) == (2, 2)
    assert found.points == 0
    assert found.class_points == pytest.approx((-25.0, 100 / 6, None))
    assert found.p_value == 1
    assert found.reference == "parent"


def test_points_are_the_difference_of_the_accuracies() -> None:
    labels = np.zeros(8, dtype=np.int64)
    found = quality.compare(logits_of([0] * 8), "parent", logits_of([0] * 5 + [1] * 3), labels)
    assert found.points == 37.5
    assert found.p_value == 0.25  # 2 · (1/2)³


def test_a_class_that_the_test_split_lacks_has_no_accuracy() -> None:
    assert quality.assess(logits_of([0, 1]), np.array([0, 1])).class_accuracy == (1.0, 1.0, None)


@pytest.mark.parametrize(
    ("logits", "words"),
    [
        (np.zeros((4, 5), dtype=np.float32), r"student/small: .* shape \(4, 5\) .* allowed is \(4, 3\)"),
        (
            np.array([[0, 0, 0]] * 3 + [[np.nan, 0, 0]], dtype=np.float32),
            "student/small: logits of 1 of 4 .* not finite",
        ),
        (np.full((4, 3), np.inf, dtype=np.float32), "logits of 4 of 4 test samples"),
    ],
)
def test_outputs_that_are_no_logits_are_refused(logits: np.ndarray, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        quality.check_logits("student/small", logits, samples=4, classes=3)
