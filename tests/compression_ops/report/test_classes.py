"""What the report says of single classes and of unbalanced ones, against scikit-learn and by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from compression_ops.evaluation import quality
from compression_ops.evaluation.measurements import Cost, Measurements, compare, read, write
from compression_ops.metric import Metric
from compression_ops.report import class_sections, html, json_file, majority, markdown, table
from compression_ops.report.contents import Report, recommended
from compression_ops.report.limits import Limits
from tests.compression_ops import example_report, families

PARENTS = {name: example_report.PARENTS[name] for name in ("teacher", "student/small", "quantized_student/int8")}
_COST = Cost(1000, 4000, 3500, 1_234_567)


def predictions(labels: np.ndarray, classes: int, skill: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.where(generator.random(len(labels)) < skill, labels, generator.integers(0, classes, len(labels)))


def report(labels: np.ndarray, predicted: dict[str, np.ndarray], metric: Metric = "accuracy") -> Report:
    """Of models with these predictions; all else is the example's."""
    classes = int(labels.max()) + 1
    example = example_report.measurements(tuple(predicted), (1,))
    logits = {name: 5 * np.eye(classes, dtype=np.float32)[found] for name, found in predicted.items()}
    family = families.family({name: PARENTS[name] for name in predicted})
    models = compare(family, logits, labels, dict.fromkeys(predicted, _COST))
    names = tuple(f"class {index}" for index in range(classes))
    measured = Measurements(names, len(labels), models, example.conditions, example.timings)
    return Report(measured, Limits(max_accuracy_drop=0.5, min_compression=1.0), metric)


@pytest.fixture(scope="module")
def unbalanced() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """68 : 32, as the photographs that this was asked for."""
    labels = np.repeat([0, 1], [306, 144])
    return labels, {
        "teacher": predictions(labels, 2, 0.7, 1),
        "student/small": predictions(labels, 2, 0.2, 2),
        "quantized_student/int8": np.zeros(450, np.int64),
    }


def test_every_number_of_a_class_is_scikit_learns(
    unbalanced: tuple[np.ndarray, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    labels, predicted = unbalanced
    json_file.write(report(labels, predicted), tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    for name, found in predicted.items():
        model = content["models"][name]
        precision, recall, f1, _ = reference.precision_recall_fscore_support(
            labels,
            found,
            labels=[0, 1],
            zero_division=np.nan,  # type: ignore[arg-type]
        )
        known = [None if np.isnan(value) else pytest.approx(value) for value in precision]
        assert model["class_precision"] == known
        assert model["class_accuracy"] == pytest.approx(recall)
        assert model["class_f1"] == pytest.approx(f1)
        assert model["confusion_matrix"] == reference.confusion_matrix(labels, found).tolist()
        balanced, macro = model["test_balanced_accuracy"], model["test_f1_macro"]
        assert balanced["value"] == pytest.approx(reference.balanced_accuracy_score(labels, found))
        assert macro["value"] == pytest.approx(reference.f1_score(labels, found, average="macro"))
        assert balanced["low"] <= balanced["value"] <= balanced["high"]
    assert content["majority_class"] == {"name": "class 0", "rate": 0.68, "unbalanced": True}


def test_the_area_under_the_roc_curve_counts_pairs_and_only_of_two_classes() -> None:
    generator = np.random.default_rng(3)
    labels, logits = np.arange(60) % 3 // 2, generator.normal(size=(60, 2)).astype(np.float32)
    score = logits[:, 1].astype(float) - logits[:, 0]
    pairs = [np.sign(one - other) for one in score[labels == 1] for other in score[labels == 0]]
    assert quality.assess(logits, labels).roc_auc == pytest.approx((np.mean(pairs) + 1) / 2)
    assert quality.assess(logits, np.zeros(60, np.int64)).roc_auc is None
    assert quality.assess(np.eye(3, dtype=np.float32)[labels], labels).roc_auc is None


def test_a_model_that_hardly_beats_the_largest_class_is_told_wherever_the_report_is_read(
    unbalanced: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    found = report(*unbalanced)
    assert set(found.hardly_better) == {"student/small", "quantized_student/int8"}
    words = found.hardly_better["quantized_student/int8"]
    wilson = stats.binomtest(306, 450).proportion_ci(method="wilson")
    interval = f"95 % interval {100 * wilson.low:.1f} to {100 * wilson.high:.1f} %"
    assert words == (
        "hardly beats looking at no sample: always answering 'class 0' has an accuracy of 68.0 %, it has 68.0 % "
        f"({interval}); chance has a balanced accuracy of 50.0 %, it has 50.0 % (95 % interval 50.0 to 50.0 %)."
    )
    assert f"**quantized_student/int8**: {words}" in markdown.markdown(found)
    assert "hardly beats looking at no sample" in html.page(found)
    assert "Warnings" not in markdown.markdown(example_report.report())


@pytest.mark.parametrize(("right", "told"), [(68, True), (76, True), (78, False)])
def test_the_bound_is_the_lower_end_of_the_interval(right: int, told: bool) -> None:
    """Wilson: of 100 the lower end is 0.668 at 76 and 0.689 at 78; the largest class has 0.68."""
    labels = np.repeat([0, 1], [68, 32])
    found = labels.copy()
    found[: 100 - right] = 1
    assessed = quality.assess(np.eye(2, dtype=np.float32)[found], labels)
    words = majority.hardly_better(assessed, majority.of_samples(np.array([68, 32])), "a", 1)
    assert (words is not None) is told


def test_classes_are_unbalanced_where_the_largest_has_twice_the_samples_of_the_smallest() -> None:
    assert not majority.of_samples(np.array([100, 60, 51])).unbalanced
    found = majority.of_samples(np.array([40, 100, 0, 50]))
    assert found == majority.Majority(1, 100 / 190, 1 / 3, True)


def test_another_metric_judges_limits_choice_and_every_sentence() -> None:
    """Quantization finds fewer of the small class and more of the large one: more accurate, less balanced."""
    labels = np.repeat([0, 1], [300, 100])
    student, quantized = labels.copy(), labels.copy()
    student[:40], quantized[300:320] = 1, 0
    predicted = {"teacher": labels, "student/small": student, "quantized_student/int8": quantized}
    by_accuracy, by_balance = report(labels, predicted), report(labels, predicted, "balanced_accuracy")
    assert by_accuracy.verdicts["quantized_student/int8"].passed
    verdict = by_balance.verdicts["quantized_student/int8"]
    assert not verdict.passed
    assert verdict.drop_points == pytest.approx(100 * (1 - 40 / 300 / 2 - (1 - 0.2 / 2)))
    assert verdict.words.startswith("Loses 3.3 points of balanced accuracy against student/small (at most 0.5 may")
    text = markdown.markdown(by_balance)
    assert "| quantized_student/int8 | 90.0 % | 95.0 % | −3.3 |" in text
    assert "None is within the limits; the highest balanced accuracy" in text
    assert "90.0 % balanced accuracy on the test split" in html.page(by_balance)
    assert (
        next(iter(table.headline(by_balance, recommended(by_balance))))
        == "quantized_student/int8.test_balanced_accuracy"
    )
    two = report(labels, {"teacher": student, "student/small": quantized}, "f1_macro")
    better = max((student, quantized), key=lambda found: reference.f1_score(labels, found, average="macro"))
    assert (recommended(two).name == "student/small") is (better is quantized)


def test_a_confusion_matrix_of_a_hundred_classes_is_cut_to_the_most_confused_pairs() -> None:
    labels = np.arange(1000) % 100
    teacher, student = labels.copy(), labels.copy()
    teacher[labels == 7], student[labels == 42] = 9, 3
    student[np.flatnonzero(labels == 42)[:4]] = 5
    student[np.arange(30) * 33 + 1] = 0  # one of each of thirty classes
    found = report(labels, {"teacher": teacher, "student/small": student})
    assert class_sections.most_confused(found)[:2] == [(7, 9), (42, 3)]
    (pairs,) = class_sections.confusions(found)
    assert pairs.rows[:2] == (("class 7", "class 9", "10", "0"), ("class 42", "class 3", "0", "6"))
    assert len(pairs.rows) <= class_sections.SHOWN_PAIRS
    assert len(class_sections.by_class(found).rows) == 20
    page = html.page(found)
    assert "Confusion matrix of" not in page
    assert "Most confused classes" in page
    few = report(labels[:100], {"teacher": labels[:100]})
    assert class_sections.confusions(few)[0].rows == ()


def test_a_small_matrix_is_shown_whole(unbalanced: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    labels, predicted = unbalanced
    matrices = class_sections.confusions(report(labels, predicted))
    assert [one.title for one in matrices] == [f"Confusion matrix of {name}" for name in PARENTS]
    assert matrices[2].rows == (("class 0", "306", "0"), ("class 1", "144", "0"))
    scores = class_sections.by_class(report(labels, predicted))
    assert scores.rows[1][:2] == ("class 1", "144")
    assert scores.rows[1][-1] == "– / 0.0 / 0.0", "what is never predicted has no precision"
    averages = class_sections.averages(report(labels, predicted))
    assert averages.heads[-1] == "ROC-AUC"
    assert class_sections.averages(example_report.report()).heads[-1] == "p"


def test_measurements_of_every_metric_come_back_from_their_files(
    unbalanced: tuple[np.ndarray, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    first = report(*unbalanced).measurements
    write(first, tmp_path)
    for before, after in zip(first.models, read(tmp_path).models, strict=True):
        assert after.quality.class_averaged == before.quality.class_averaged
        assert after.quality.roc_auc == before.quality.roc_auc
        assert after.change == before.change
        assert replace(after, quality=before.quality) == before
