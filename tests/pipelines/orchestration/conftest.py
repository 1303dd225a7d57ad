"""What the tests of automation share."""

from pathlib import Path

import pytest

from tests.pipelines import product
from tests.pipelines.ticks import BY_HAND, EVERYTHING, NOTHING, Ticks


@pytest.fixture
def ticks(recipe: Path) -> Ticks:
    """Ticks of a recipe that is up to date; what it takes was computed before, so the first run reuses it."""
    product.edit(recipe, *BY_HAND)
    started = Ticks()
    assert started.step() == (EVERYTHING, NOTHING)
    assert started.silent(2)
    return started
