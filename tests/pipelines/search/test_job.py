"""The search as a job of Dagster's."""

from pathlib import Path

import dagster as dg

from pipelines.kinds import kind
from pipelines.orchestration import assets
from pipelines.search import run as searches
from tests.pipelines import product
from tests.pipelines.search.searches import write


def _jobs() -> set[str]:
    repository = assets.definitions(product.pipeline()).get_repository_def()
    return {name for name in repository.job_names if not name.startswith("__")}


def test_a_job_is_there_for_a_recipe_that_asks_for_a_search(defs: Path) -> None:
    assert _jobs() == set()
    write(defs)
    assert _jobs() == {"tiny_search"}


def test_the_job_searches(recipe: Path) -> None:
    write(recipe.parent.parent)
    job = assets.definitions(product.pipeline()).resolve_job_def("tiny_search")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    assert len(searches.found(product.pipeline()).trials) == 4


def test_the_numbers_to_search_by_are_those_that_stages_tell(recipe: Path) -> None:
    pipeline = product.pipeline()
    for name, asset in pipeline.graph.assets.items():
        numbers = kind.named(asset.kind).searchable(asset)
        if numbers:
            assert set(numbers) == set(product.entry(name).metrics), name
            assert not any("test" in number for number in numbers)
