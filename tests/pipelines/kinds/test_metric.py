"""A recipe's metric reaches what it chooses and judges, in one run through the product, and is told in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.kinds import kind
from pipelines.recipe import file as recipe_file
from tests.pipelines import product, recipes


def _headline(asset: str) -> str:
    entry = product.entry(asset)
    return kind.named(product.pipeline().graph.assets[asset].kind).headline(entry)


@pytest.fixture
def by_f1(recipe: Path) -> Path:
    """The recipe `tiny`, run by accuracy, then with another metric."""
    recipe.write_text(recipes.TINY + "  metric: f1_macro\n")
    return recipe


def test_an_edit_of_the_metric_is_told_by_its_own_name(by_f1: Path) -> None:
    causes, retrained = product.causes(), "metric accuracy → f1_macro"
    assert {name for name, why in causes.items() if retrained in why} == {
        "teacher", "student/small", "control/small", "measurements", "benchmark_report", "champion",
    }  # fmt: skip
    assert recipe_file.load("tiny").recipe.metric == "f1_macro"


def test_training_gates_report_and_champion_go_by_the_metric(by_f1: Path) -> None:
    product.run()
    assert set(product.states().values()) == {"fresh"}
    for name in ("teacher", "student/small", "control/small"):
        entry = product.entry(name)
        assert next(iter(entry.metrics)) == "validation_f1_macro"
        assert _headline(name).startswith("validation f1 macro ")
        assert "%" in _headline(name)
    assert product.entry("teacher").checks[0].words.startswith("The validation macro F1 is ")
    measured = product.entry("measurements")
    assert measured.gates["metric"] == "f1_macro"
    assert "metric" not in measured.parameters
    words = {check.name: check.words for check in measured.checks}
    assert "points of test macro F1 to its student" in words["accuracy_drop_int8"]
    assert "In test macro F1 student/small" in words["distillation_gain_small"]
    assert (
        "points over its control" in words["distillation_gain_small"]
        or "points behind" in words["distillation_gain_small"]
    )
    for asset in ("measurements", "benchmark_report", "champion"):
        assert "test macro F1" in _headline(asset)
    report = product.entry("benchmark_report")
    slower = {name: 0.8 if name.endswith("speedup_ratio") else number for name, number in report.metrics.items()}
    assert (
        kind.named("benchmark_report")
        .headline(replace(report, metrics=slower))
        .endswith("1.25 times slower than the teacher")
    )


@pytest.mark.slow
def test_where_the_same_epoch_is_kept_only_what_judges_is_made_anew(by_f1: Path) -> None:
    computed = product.computed()
    assert computed >= {"teacher", "student/small", "control/small", "benchmark_report", "champion"}
    assert "dataset" not in computed
    by_f1.write_text(recipes.TINY)
    assert product.computed() <= {"champion"}, "what was computed once is not computed again"
