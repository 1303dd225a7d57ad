"""A quantized student whose bits are chosen: what it runs, what marks it, what is told of it, and its dry run."""

from pathlib import Path

import pytest

from pipelines.execution import status
from pipelines.kinds import kind
from pipelines.pipeline import Pipeline
from tests.pipelines import product, recipes

CALIBRATION = "calibration: {method: minmax, samples: 64}"
METHOD = "method: {type: automatic, max_accuracy_drop: 20.0}"
CHOOSING = recipes.edited((CALIBRATION, f"{CALIBRATION}\n      {METHOD}"))
NAME = "quantized_student/int8"
AFTER = {NAME, "measurements", "benchmark_report", "champion"}


@pytest.fixture
def choosing(defs: Path) -> Path:
    return recipes.write(defs, text=CHOOSING)


def code(pipeline: Pipeline) -> set[str]:
    return {name for name in pipeline.graph.assets[NAME].code_digests if name.startswith("compression_ops.")}


def test_only_a_method_that_chooses_runs_the_code_of_the_search(defs: Path) -> None:
    search = {"methods.automatic", "automatic_precision.greedy", "automatic_precision.explanation"}
    recipes.write(defs)
    assert not {f"compression_ops.quantization.{name}" for name in search} & code(product.pipeline())
    recipes.write(defs, text=CHOOSING)
    assert {f"compression_ops.quantization.{name}" for name in search} <= code(product.pipeline())
    assert product.pipeline().graph.assets[NAME].inputs == ("dataset", "student/small")


@pytest.mark.slow
def test_a_run_chooses_tells_it_and_an_edit_of_the_bound_computes_it_alone(choosing: Path) -> None:
    assert product.computed() >= AFTER
    entry, asset = product.entry(NAME), product.pipeline().graph.assets[NAME]
    assert set(kind.named("quantized_student").searchable(asset)) == set(entry.metrics)
    assert entry.metrics["mean_weight_bits"] < 8
    assert "mean weight bits" in kind.named("quantized_student").headline(entry)
    pipeline, statuses = status.of_recipe("tiny")
    artifact = statuses[NAME].entry
    assert artifact is not None
    page = kind.named("quantized_student").page(pipeline.store.fetch(artifact.artifact), artifact)
    assert "bytes of weights" in page.words["bits"]
    assert {row["bits"] for row in page.rows} <= {8, 4, 3, 2}
    product.edit(choosing, "max_accuracy_drop: 20.0", "max_accuracy_drop: 0.0")
    assert product.causes()[NAME] == ["quantized_students.int8.method.max_accuracy_drop 20.0 → 0.0"]
    assert product.computed() <= AFTER
    product.edit(choosing, "max_accuracy_drop: 0.0", "max_accuracy_drop: 20.0")
    assert NAME not in product.computed()
