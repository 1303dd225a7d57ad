"""By a metric that counts every class the same, a champion is one that finds the small classes, not the large one."""

import numpy as np
import pytest
from sklearn import metrics as reference

from compression_ops.evaluation import bootstrap
from compression_ops.evaluation.promotion import Contender, decide

# 900 of class 0, 100 of class 1.
LABELS = np.repeat([0, 1], [900, 100])


def contender(name: str, wrong_large: int, wrong_small: int, file_bytes: int = 10_000) -> Contender:
    """So many samples of each class are wrong, from that class's first one on."""
    predictions = LABELS.copy()
    predictions[:wrong_large] = 1
    predictions[900 : 900 + wrong_small] = 0
    return Contender(name, np.eye(2, dtype=np.float32)[predictions], LABELS, file_bytes, 50.0)


MAJORITY, FAIR = contender("old", 0, 90), contender("new", 120, 10)


def test_what_is_less_accurate_and_fairer_loses_by_accuracy_and_wins_by_balanced_accuracy() -> None:
    by_accuracy, by_balance = decide(FAIR, MAJORITY), decide(FAIR, MAJORITY, "balanced_accuracy")
    assert not by_accuracy.promote
    assert by_balance.promote
    assert by_balance.words.startswith("new replaces old: its balanced accuracy is higher, and not by chance. ")
    assert (
        "Balanced accuracy 88.3 % against 55.0 % on 1,000 test samples (+33.33 points, p < 0.001)" in by_balance.words
    )
    assert not decide(MAJORITY, FAIR, "f1_macro").promote
    assert ": its macro F1 is lower, and not by chance." in decide(MAJORITY, FAIR, "f1_macro").words


def test_the_numbers_are_those_of_the_metric_beside_those_of_accuracy() -> None:
    found = decide(FAIR, MAJORITY, "balanced_accuracy").numbers
    predictions = {"candidate": FAIR.logits.argmax(axis=1), "incumbent": MAJORITY.logits.argmax(axis=1)}
    for role, predicted in predictions.items():
        assert found[f"{role}_test_accuracy"] == pytest.approx(reference.accuracy_score(LABELS, predicted))
        expected = reference.balanced_accuracy_score(LABELS, predicted)
        assert found[f"{role}_test_balanced_accuracy"] == pytest.approx(expected)
    assert found["accuracy_change_points"] == pytest.approx(-4)
    assert found["balanced_accuracy_change_points"] == pytest.approx(100 * 1 / 3, abs=0.01)
    difference = bootstrap.differences(LABELS, predictions["candidate"], predictions["incumbent"], 2)
    assert found["p_value"] == difference["balanced_accuracy"].p_value


def test_what_cannot_be_told_apart_must_be_cheaper_and_lose_next_to_nothing() -> None:
    alike = contender("new", 30, 12, 5_000)
    same, fewer = contender("old", 30, 12), contender("old", 30, 10)
    decision = decide(alike, same, "f1_macro")
    assert decision.promote
    assert "this test set cannot tell their macro F1 values apart, and its file is 50.0 % smaller" in decision.words
    lost = decide(alike, fewer, "balanced_accuracy")
    assert not lost.promote
    assert "cannot tell their balanced accuracies apart, but it loses 1.00 points" in lost.words


def test_the_first_champion_is_told_by_the_metric() -> None:
    decision = decide(FAIR, None, "balanced_accuracy")
    assert decision.promote
    assert "Its balanced accuracy is 88.3 % on 1,000 test samples, its file" in decision.words
    assert decision.numbers["candidate_test_balanced_accuracy"] == pytest.approx(0.88333, abs=1e-4)
