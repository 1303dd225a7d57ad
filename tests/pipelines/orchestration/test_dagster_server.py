"""A real Dagster server: an edit and a reload mark exactly the affected assets, and one run of these computes them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines import product
from tests.pipelines.dagster_server import Server, served

pytestmark = pytest.mark.slow


@pytest.fixture
def server(recipe: Path) -> Iterator[Server]:
    """A server on the home in which `tiny` has been run."""
    with served() as started:
        yield started


def test_an_edit_marks_exactly_the_affected_assets_and_one_run_computes_them(server: Server, recipe: Path) -> None:
    assert server.unsynced() == set(), "what the command line ran is in sync in the UI"
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    server.reload()
    affected = {"student/small", "quantized_student/int8", "measurements", "benchmark_report", "champion"}
    assert server.unsynced() == affected
    before = server.runs()
    assert server.materialize(affected) == "SUCCESS"
    assert server.runs() == before + 1
    assert server.unsynced() == set()
    assert set(product.states().values()) == {"fresh"}, "what the UI ran is fresh on the command line"

    product.edit(recipe, "temperature: 2.0", "temperature: 4.0")
    server.reload()
    assert server.unsynced() == affected
    assert server.materialize(affected) == "SUCCESS"
    assert server.unsynced() == set()
    entry = product.pipeline().history.latest("tiny", "student/small")
    assert entry is not None
    assert not entry.computed, "the reverted edit was reused, not computed"
