"""`seeds: N` of a student: what it adds to the graph, and that only what is new is trained."""

from pathlib import Path

import pytest

from compression_ops.evaluation import measurements
from compression_ops.report import files as report_files
from pipelines.recipe.error import RecipeError
from tests.pipelines import product, recipes

SEED = "      seed: 0\n      loss"


def seeds(count: int) -> tuple[str, str]:
    return SEED, SEED.replace("      loss", f"      seeds: {count}\n      loss")


def test_further_seeds_are_trained_and_what_was_trained_stays(recipe: Path) -> None:
    recipe.write_text(recipes.edited(seeds(2)))
    added = {"student/small/seed_1", "control/small/seed_1", "quantized_student/int8/seed_1"}
    assert product.computed() == {*added, "measurements", "benchmark_report", "champion"}
    recipe.write_text(recipes.edited(seeds(3)))
    added = {"student/small/seed_2", "control/small/seed_2", "quantized_student/int8/seed_2"}
    assert product.computed() == {*added, "measurements", "benchmark_report", "champion"}
    assert [product.entry(f"student/small{of}").parameters["seed"] for of in ("", "/seed_1", "/seed_2")] == [0, 1, 2]
    digests = {product.entry(f"student/small{of}").digest for of in ("", "/seed_1", "/seed_2")}
    assert len(digests) == 3, "each seed makes another network"

    pipeline = product.pipeline()
    measured = measurements.read(pipeline.store.fetch(product.entry("measurements").artifact))
    assert [model.name for model in measured.models] == ["teacher", "student/small", "control/small", QUANTIZED]
    assert [model.over_seeds and model.over_seeds.seeds for model in measured.models] == [None, 3, 3, 3]
    metrics = product.entry("measurements").metrics
    assert metrics["student/small.seeds"] == 3
    told = next(check for check in product.entry("measurements").checks if check.name == "distillation_gain_small")
    assert "mean of 3 seeds" in told.words
    folder = pipeline.store.fetch(product.entry("benchmark_report").artifact)
    assert "Over 3 seeds distillation" in report_files.read_markdown(folder)
    assert "Over seeds" in report_files.page(folder).read_text()

    recipe.write_text(recipes.TINY)
    assert product.computed() == set(), "what one seed says is known"


QUANTIZED = "quantized_student/int8"


@pytest.mark.slow
def test_an_edit_of_the_student_trains_every_seed_of_it(recipe: Path) -> None:
    recipe.write_text(recipes.edited(seeds(2)))
    product.run()
    recipe.write_text(recipes.edited(seeds(2), ("temperature: 4.0", "temperature: 2.0")))
    students = {f"{name}{of}" for name in ("student/small", QUANTIZED) for of in ("", "/seed_1")}
    assert students <= product.computed()


def test_a_name_that_a_further_seed_has_is_taken(defs: Path) -> None:
    text = recipes.edited(
        seeds(2),
        (
            "  students:\n",
            "  students:\n    small_seed_1:\n      architecture: tiny_cnn\n"
            "      epochs: 1\n      batch_size: 64\n      learning_rate: 0.003\n      loss: {type: kd}\n",
        ),
    )
    file = recipes.write(defs, text=text)
    with pytest.raises(RecipeError, match=r"students\.small_seed_1.*taken(.|\n)*from a further seed"):
        product.pipeline(file.parent.name)


@pytest.mark.parametrize("count", ["0", "101", "many", "2.5"])
def test_a_number_of_seeds_that_is_none_is_refused_where_it_stands(count: str, defs: Path) -> None:
    recipes.write(defs, text=recipes.edited((SEED, SEED.replace("      loss", f"      seeds: {count}\n      loss"))))
    with pytest.raises(RecipeError, match=r"students\.small\.seeds"):
        product.pipeline()
