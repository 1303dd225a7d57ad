"""Processes that work in one home at once: all succeed, hardly anything is computed twice, nothing is torn."""

from collections import Counter
from pathlib import Path

import pytest

from pipelines.state.history import History
from pipelines.state.home import Home
from tests.faults.conftest import Tell
from tests.faults.homes import assert_nothing_is_torn, assert_sound, digests, environment, printed
from tests.forks import Command, Forks
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_QUANTIZED, ALL

_PROCESSES = 8


def _computed(commands: list[Command]) -> Counter[str]:
    """How often each asset was computed by all of them; each must have succeeded."""
    found: Counter[str] = Counter()
    for command in commands:
        ended = command.wait()
        assert ended.code == 0, ended.words
        assert "Traceback" not in ended.words
        found.update(printed(ended.words)["computed"])
    return found


@pytest.mark.slow(seconds=90)
def test_eight_processes_that_start_at_once_from_nothing_all_succeed(
    bare_home: Path, tmp_path: Path, forks: Forks, memory: Path, tell: Tell
) -> None:
    home, defs = Home(memory / "home"), tmp_path / "defs"
    recipes.write(defs)
    commands = [forks.start("run", "tiny", "--json", environment=environment(home, defs)) for _ in range(_PROCESSES)]
    found = _computed(commands)
    assert set(found) == ALL
    entries = list(History(home.history).all())
    tell(f"{_PROCESSES} processes at once from nothing: all succeed; computed {dict(found)}")
    assert max(found.values()) <= 2
    assert len({(entry.asset, entry.digest) for entry in entries}) == len(ALL), "equal digests"
    assert_nothing_is_torn(home)
    assert assert_sound(home) == 0


@pytest.mark.slow
def test_two_recipes_and_an_edit_at_once_in_one_home_all_succeed(
    recipe: Path, defs: Path, home: Path, forks: Forks, tell: Tell
) -> None:
    """The edited one finds another `run` of its recipe at work."""
    recipes.write(defs, "twin", recipe.read_text().replace("temperature: 4.0", "temperature: 3.0"))
    product.edit(recipe, "samples: 64", "samples: 63")
    before = digests(Home(home))
    told = environment(Home(home), defs)
    found = _computed([forks.start("run", name, "--json", environment=told) for name in ("tiny", "twin", "tiny")])
    assert set(found) >= AFTER_QUANTIZED
    after = digests(Home(home))
    assert {name: after[name] for name in ALL - AFTER_QUANTIZED} == {
        name: before[name] for name in ALL - AFTER_QUANTIZED
    }
    assert set(product.states("tiny").values()) == set(product.states("twin").values()) == {"fresh"}
    assert_nothing_is_torn(Home(home))
    assert assert_sound(Home(home)) == 0
    tell(f"two recipes in one home, and one of them twice: all succeed; computed {dict(found)}")
