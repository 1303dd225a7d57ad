"""A quantized student that learns: what it is made from, what marks it, and what is tried before training."""

from pathlib import Path

import pytest

from pipelines.commands import run as runner
from pipelines.graph.asset import GENERATION
from pipelines.observed import generation
from pipelines.pipeline import Pipeline
from tests.pipelines import product, recipes

CALIBRATION = "calibration: {method: minmax, samples: 64}"
LSQ = "method: {type: lsq, epochs: 2, learning_rate: 0.003, batch_size: 64, loss: {type: dist}}"
LEARNING = recipes.edited((CALIBRATION, f"{CALIBRATION}\n      {LSQ}"))
AFTER = {"quantized_student/int8", "measurements", "benchmark_report", "champion"}


@pytest.fixture
def learning(defs: Path) -> Path:
    return recipes.write(defs, text=LEARNING)


def parts(pipeline: Pipeline) -> tuple[tuple[str, ...], set[str], bool]:
    asset = pipeline.graph.assets["quantized_student/int8"]
    return asset.inputs, {name for name in asset.code_digests if name.startswith("compression_ops.")}, asset.is_heavy


def test_only_a_method_that_trains_reads_soft_labels_and_runs_the_code_of_training(defs: Path) -> None:
    recipes.write(defs)
    inputs, code, is_heavy = parts(product.pipeline())
    assert inputs == ("dataset", "student/small")
    assert not is_heavy
    assert not {name for name in code if "lsq" in name or "simulation" in name or "training.loop" in name}
    recipes.write(defs, text=LEARNING)
    inputs, code, is_heavy = parts(product.pipeline())
    assert inputs == ("dataset", "soft_labels", "student/small")
    assert is_heavy
    chosen = {"quantization.methods.lsq", "distillation.losses.dist", "training.loop"}
    assert {f"compression_ops.{name}" for name in chosen} <= code
    assert "compression_ops.distillation.losses.kd" not in code


def test_the_metric_chooses_the_epoch_of_a_method_that_trains_alone(defs: Path) -> None:
    for text, expected in ((recipes.TINY, None), (LEARNING, "f1_macro")):
        recipes.write(defs, text=text.replace("attributes:\n", "attributes:\n  metric: f1_macro\n"))
        assert product.pipeline().graph.assets["quantized_student/int8"].values["metric"] == expected


def test_a_schedule_that_asks_for_new_seeds_gives_the_method_one(defs: Path) -> None:
    schedule = "schedule: {cron: 0 4 * * 1, reseed: true}"
    recipes.write(defs, text=LEARNING.replace("automation: {mode: off}", f"automation: {{mode: off}}\n  {schedule}"))
    asset = product.pipeline().graph.assets["quantized_student/int8"]
    assert GENERATION in asset.inputs
    seeded = generation.seeded(asset.parameters, 3).model_dump()
    assert seeded == asset.parameters.model_dump() | {"method": asset.values["method"] | {"seed": 3000}}


def test_each_further_seed_of_the_student_is_learned_on_from_a_seed_of_its_own(defs: Path) -> None:
    seeds = "      seed: 0\n      loss"
    recipes.write(defs, text=LEARNING.replace(seeds, seeds.replace("      loss", "      seeds: 3\n      loss")))
    assets = product.pipeline().graph.assets
    for of, seed in (("", 0), ("/seed_1", 1), ("/seed_2", 2)):
        asset = assets[f"quantized_student/int8{of}"]
        assert asset.values["method"]["seed"] == seed
        assert asset.inputs == ("dataset", "soft_labels", f"student/small{of}")
        assert asset.is_heavy
        assert asset.is_repeated == bool(seed)


@pytest.mark.slow
def test_a_run_learns_and_an_edit_of_the_method_computes_it_alone(learning: Path) -> None:
    assert product.computed() >= AFTER
    entry = product.entry("quantized_student/int8")
    assert entry.metrics["simulated_validation_accuracy"] == entry.metrics["validation_accuracy"]
    product.edit(learning, "learning_rate: 0.003, batch_size", "learning_rate: 0.004, batch_size")
    assert product.causes()["quantized_student/int8"] == ["quantized_students.int8.method.learning_rate 0.003 → 0.004"]
    assert product.computed() <= AFTER
    product.edit(learning, "learning_rate: 0.004, batch_size", "learning_rate: 0.003, batch_size")
    assert "quantized_student/int8" not in product.computed()


def test_an_operator_that_cannot_be_simulated_is_told_before_anything_is_trained(defs: Path) -> None:
    upsampling = "architecture: tests.compression_ops.zoo.constructs:upsampling"
    recipes.write(defs, text=LEARNING.replace("architecture: tiny_cnn", upsampling))
    causes = {item.asset: item.cause for item in runner.run(product.pipeline()).outcomes if item.cause}
    assert "quantization to 8 bits failed in a dry run" in causes["teacher"]
    assert "operators Resize cannot be trained with learned steps" in causes["teacher"]
    assert "Leave `method` out" in causes["teacher"]
