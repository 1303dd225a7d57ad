"""Differences over seeds and samples, against scipy's tests where one source of chance is absent, and by simulation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from compression_ops.evaluation import over_seeds
from compression_ops.evaluation.family import Member
from compression_ops.evaluation.over_seeds import OverSeeds

RNG = np.random.default_rng(7)


def predictions(labels: np.ndarray, accuracy: float, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(labels)) < accuracy, labels, (labels + 1) % 3)


def test_the_values_are_those_of_scikit_learn() -> None:
    labels = RNG.integers(0, 3, 200)
    guesses = [predictions(labels, 0.8, RNG) for _ in range(3)]
    found = over_seeds.values(guesses, labels, 3)
    assert_allclose(found["accuracy"], [accuracy_score(labels, each) for each in guesses])
    assert_allclose(found["balanced_accuracy"], [balanced_accuracy_score(labels, each) for each in guesses])
    assert_allclose(found["f1_macro"], [f1_score(labels, each, average="macro") for each in guesses])
    model = OverSeeds(found, {}, {})
    assert model.seeds == 3
    assert_allclose(model.mean("accuracy"), np.mean([accuracy_score(labels, each) for each in guesses]))
    assert_allclose(model.deviation("accuracy"), stats.tstd(found["accuracy"]))


def test_without_chance_of_samples_it_is_the_paired_t_test_over_seeds() -> None:
    first, second = RNG.normal(99.3, 0.1, 6), RNG.normal(99.2, 0.1, 6)
    found, expected = over_seeds.crossed(first - second, 0.0, 10_000), stats.ttest_rel(first, second)
    assert_allclose(found.p_value, expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert found.low is not None
    assert_allclose([found.points, found.low, found.high], [np.mean(first - second), interval.low, interval.high])


def test_of_seeds_that_agree_it_is_the_paired_t_test_over_samples() -> None:
    labels = RNG.integers(0, 3, 400)
    first, second = predictions(labels, 0.9, RNG), predictions(labels, 0.8, RNG)
    found = over_seeds.differences([first] * 4, [second] * 4, labels, 3)["accuracy"]
    expected = stats.ttest_rel((first == labels).astype(float), (second == labels).astype(float))
    assert_allclose(found.p_value, expected.pvalue, rtol=1e-6)
    assert_allclose(found.points, 100 * np.mean((first == labels) * 1.0 - (second == labels)))


def test_what_makes_no_difference_is_found_to_make_one_no_more_often_than_it_should() -> None:
    rng, found, trials = np.random.default_rng(0), 0, 100
    for _ in range(trials):
        # Both chances: samples of unequal difficulty that all networks share, and networks of unequal luck.
        labels, easy = np.zeros(300, np.int64), rng.normal(2.0, 1.0, 300)

        def trained(easy: np.ndarray = easy) -> list[np.ndarray]:
            return [(easy + rng.normal(0, 0.1) + rng.normal(0, 1, 300) < 0).astype(np.int64) for _ in range(5)]

        found += over_seeds.differences(trained(), trained(), labels, 2)["accuracy"].p_value < 0.05
    # The binomial's bounds of 100 trials at 5 %, of which a cautious test may stay below the lower.
    assert found <= stats.binom.ppf(0.999, trials, 0.05)


@pytest.mark.parametrize(("seeds", "ratio"), [(2, 10), (2, 2), (3, 5), (5, 5)])
def test_few_seeds_that_agree_by_luck_prove_nothing(seeds: int, ratio: float) -> None:
    rng, samples, trials = np.random.default_rng(3), 1000, 800
    found = 0
    for _ in range(trials):
        by_seed = ratio * rng.normal(size=seeds) + rng.normal()  # of the samples a chance that all seeds share
        estimated = rng.chisquare(samples - 1) / (samples - 1)
        found += over_seeds.crossed(list(by_seed), estimated, samples).p_value < 0.05
    assert found <= stats.binom.ppf(0.999, trials, 0.05)


def test_the_interval_ends_at_zero_where_p_is_its_level() -> None:
    spread = np.array([-0.4, 0.1, 0.3])
    half = np.hypot(*(stats.t.ppf(0.975, f) * np.sqrt(v) for f, v in ((2, np.var(spread, ddof=1) / 3), (499, 0.02))))
    found = over_seeds.crossed(list(spread + half), 0.02, 500)
    assert found.low is not None
    assert_allclose([found.points, found.low, found.p_value], [half, 0.0, 0.05], atol=1e-6)


def test_what_makes_a_difference_is_found() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 2000)
    better, worse = ([predictions(labels, accuracy, rng) for _ in range(5)] for accuracy in (0.95, 0.90))
    for difference in over_seeds.differences(better, worse, labels, 3).values():
        assert difference.p_value < 0.001
        assert difference.low is not None
        assert 2 < difference.low < difference.points


def test_a_reference_of_one_seed_is_compared_with_each() -> None:
    labels = RNG.integers(0, 3, 300)
    students, teacher = [predictions(labels, 0.8, RNG) for _ in range(3)], predictions(labels, 0.9, RNG)
    once, thrice = (over_seeds.differences(students, [teacher] * count, labels, 3) for count in (1, 3))
    assert once == thrice


@pytest.mark.parametrize(("own", "others"), [(1, 1), (3, 2)])
def test_seeds_that_do_not_pair_are_refused(own: int, others: int) -> None:
    labels = np.zeros(4, np.int64)
    with pytest.raises(ValueError, match=r"seeds; allowed are two or more"):
        over_seeds.differences([labels] * own, [labels] * others, labels, 2)


def test_equal_models_differ_by_nothing_for_sure() -> None:
    labels = RNG.integers(0, 3, 50)
    difference = over_seeds.differences([labels] * 2, [labels] * 2, labels, 3)["accuracy"]
    assert (difference.points, difference.p_value) == (0.0, 1.0)


def test_each_seed_of_a_student_is_compared_with_the_same_seed_of_its_control() -> None:
    labels = RNG.integers(0, 3, 500)
    family = {
        "teacher": Member(role="teacher"),
        "student/a": Member(role="student", parent="teacher"),
        "student/a/seed_1": Member(role="student", parent="teacher", repeats="student/a"),
        "control/a": Member(role="control", parent="student/a"),
        "control/a/seed_1": Member(role="control", parent="student/a", repeats="control/a"),
    }
    guesses = {name: predictions(labels, 0.8, RNG) for name in family}
    found = over_seeds.of_model("student/a", family, guesses, labels, 3)
    assert found is not None
    gains = [
        100 * np.mean((guesses[f"student/a{seed}"] == labels) * 1.0 - (guesses[f"control/a{seed}"] == labels))
        for seed in ("", "/seed_1")
    ]
    assert_allclose(found.distillation["accuracy"].points, np.mean(gains))
    assert over_seeds.of_model("teacher", family, guesses, labels, 3) is None
    assert found.numbers()["distillation_gain_points_mean"] == found.distillation["accuracy"].points
