"""A candidate replaces the champion only if it is better, or as good and cheaper; p-values against SciPy."""

import numpy as np
import pytest
from scipy import stats

from compression_ops.evaluation import promotion
from compression_ops.evaluation.promotion import Contender, Decision, decide


def contender(
    name: str, right: np.ndarray | list[bool], file_bytes: int = 10_000, latency_us: float = 50.0
) -> Contender:
    """Two classes, all samples of class 1; `right`: bool [N]."""
    predictions = np.asarray(right, dtype=np.int64)
    return Contender(name, np.eye(2, dtype=np.float32)[predictions], np.ones_like(predictions), file_bytes, latency_us)


def pair(
    only_candidate: int, only_incumbent: int, samples: int = 10_000, file_bytes: int = 10_000, latency_us: float = 50.0
) -> tuple[Decision, float]:
    """The decision about a candidate of this size and speed against one of 10,000 bytes and 50 µs, where only one of
    the two is right on so many samples and both on all others; and SciPy's p-value.
    """
    candidate, incumbent = np.ones((2, samples), dtype=bool)
    incumbent[:only_candidate] = False
    candidate[only_candidate : only_candidate + only_incumbent] = False
    decision = decide(contender("new", candidate, file_bytes, latency_us), contender("old", incumbent))
    discordant = only_candidate + only_incumbent
    return decision, float(stats.binomtest(only_candidate, discordant).pvalue) if discordant else 1.0


def test_without_a_champion_the_candidate_is_promoted() -> None:
    decision = decide(contender("new", [True, True, True, False], 1234, 56.78), None)
    assert decision.promote
    assert decision.words == (
        "new is promoted: there is no champion yet. Its accuracy is 75.0 % of 4 test samples, its file 1,234 bytes "
        "without metadata, "
        "its latency 56.8 µs a call."
    )
    assert decision.numbers == {
        "candidate_test_accuracy": 0.75,
        "candidate_file_bytes": 1234.0,
        "candidate_latency_us": 56.78,
    }


def test_what_is_better_and_not_by_chance_is_promoted_however_large_and_slow() -> None:
    decision, p = pair(30, 10, file_bytes=1_000_000, latency_us=5000)
    assert p < 0.05
    assert decision.promote
    assert decision.numbers["p_value"] == pytest.approx(p)
    assert decision.words.startswith("new replaces old: it is more accurate, and not by chance. Accuracy 99.90 %")


def test_what_is_worse_and_not_by_chance_is_refused_however_small_and_fast() -> None:
    decision, p = pair(10, 30, file_bytes=100, latency_us=1)
    assert p < 0.05
    assert not decision.promote
    assert decision.numbers["p_value"] == pytest.approx(p)
    assert decision.words.startswith("new does not replace old: it is less accurate, and not by chance. ")


def test_the_words_hold_all_numbers_of_both() -> None:
    decision, p = pair(12, 15, file_bytes=9_384, latency_us=39.25)
    assert p > 0.05
    assert decision.promote
    assert decision.words == (
        "new replaces old: this test set cannot tell their accuracies apart, and its file is 6.2 % smaller. Accuracy "
        f"99.85 % against 99.88 % of 10,000 test samples (−0.03 points, p = {p:.2f}), file 9,384 against 10,000 bytes "
        "without metadata, "
        "latency 39.2 µs against 50 µs a call."
    )
    assert decision.numbers == pytest.approx(
        {
            "candidate_test_accuracy": 0.9985,
            "candidate_file_bytes": 9384,
            "candidate_latency_us": 39.25,
            "incumbent_test_accuracy": 0.9988,
            "incumbent_file_bytes": 10_000,
            "incumbent_latency_us": 50,
            "accuracy_change_points": -0.03,
            "p_value": p,
        }
    )


@pytest.mark.parametrize(
    ("file_bytes", "latency_us", "promote", "why"),
    [
        (9_500, 500.0, True, "its file is 5.0 % smaller"),
        (9_501, 50.0, False, "its file is neither 5 % smaller nor is it 10 % faster"),
        (10_000, 45.0, True, "it is 10.0 % faster with a file no larger"),
        (10_000, 45.1, False, "its file is neither 5 % smaller nor is it 10 % faster"),
        (10_001, 10.0, False, "its file is neither 5 % smaller nor is it 10 % faster"),
        (10_000, 50.0, False, "its file is neither 5 % smaller nor is it 10 % faster"),
    ],
)
def test_of_equally_accurate_models_the_smaller_or_faster_wins(
    file_bytes: int, latency_us: float, promote: bool, why: str
) -> None:
    decision, p = pair(5, 5, file_bytes=file_bytes, latency_us=latency_us)
    assert p == pytest.approx(1)
    assert decision.promote is promote
    assert f"this test set cannot tell their accuracies apart, and {why}" in decision.words


def test_more_accurate_by_chance_alone_is_not_enough() -> None:
    decision, p = pair(12, 5)
    assert p > 0.05
    assert decision.numbers["p_value"] == pytest.approx(p)
    assert not decision.promote


def test_a_loss_that_is_not_proven_is_bounded_all_the_same() -> None:
    at_the_bound, p = pair(50, 60, file_bytes=5_000)
    assert p > 0.05
    assert at_the_bound.numbers["accuracy_change_points"] == pytest.approx(-promotion.LARGEST_LOSS_POINTS)
    assert at_the_bound.promote
    beyond, p = pair(50, 61, file_bytes=5_000)
    assert p > 0.05
    assert not beyond.promote
    assert "it loses 0.11 points, and more than 0.1 could add up over many promotions" in beyond.words


def test_on_a_small_test_set_one_sample_is_too_much_to_lose() -> None:
    assert not pair(0, 1, samples=385, file_bytes=100)[0].promote
    assert pair(1, 1, samples=385, file_bytes=100)[0].promote


def test_models_that_are_right_on_the_same_samples_have_p_one() -> None:
    decision, _ = pair(0, 0)
    assert decision.numbers["p_value"] == 1
    assert "(0.00 points, p = 1)" in decision.words
    assert not decision.promote


def test_contenders_of_different_test_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="new and old have other labels"):
        decide(contender("new", [True]), contender("old", [True, True]))
