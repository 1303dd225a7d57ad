"""SIGKILL at fifty moments, spread over the length of a run: the next runs complete it, as if nobody had killed it."""

import itertools
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.state.home import Home
from tests.faults.conftest import Tell, in_memory
from tests.faults.homes import assert_nothing_is_torn, assert_sound, begin, digests, environment, printed
from tests.forks import Forks
from tests.pipelines import recipes
from tests.pipelines.affected import ALL

_KILLS, _PARTS = 50, 5
_AT_MOST = 60  # tries: one that comes after the end of a run is no kill
_CHAINS = 1  # homes a part, in each of which a run is killed again and again
_LOOK = 0.005  # seconds between two looks
_SOONER = 0.8  # a run from nothing ends before a moment that lies beyond its length
_MAKINGS = 6  # kills of a home's making
_MADE = {"dagster.yaml", "history", "schedules"}
_SEED = 20
_LONGER = 1.2  # a run that is interrupted takes more than one that is not


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody killed: the processor's seconds that it took until so many assets were done, and in all.

    Moments are told by what the process itself has computed, which does not depend on what else the machine does.
    """

    done: tuple[float, ...]
    seconds: float
    digests: Mapping[str, str]

    def moment(self, position: float, done: int) -> float:
        """When to kill a run that finds so many assets done, to kill it at a position, 0 to 1, of the whole."""
        left = position * self.seconds
        return left if done == 0 else max(self.done[1] + left - self.done[done], 0.02)


def _run(forks: Forks, home: Home, defs: Path) -> Undisturbed:
    """A run to its end."""
    command = forks.start("run", "tiny", "--json", environment=environment(home, defs))
    done = [0.0]
    while (seconds := command.seconds()) is not None:
        count = len(list(home.root.joinpath("history").rglob("*.jsonl")))
        done += [seconds] * (count + 1 - len(done))
        last = seconds
        time.sleep(_LOOK)
    ended = command.wait()
    assert ended.code == 0, ended.words
    assert printed(ended.words)["failed"] == []
    return Undisturbed(tuple(done), last, digests(home))


@dataclass(frozen=True)
class Beginning:
    """A home in which nothing was computed, and what a run in a copy of it comes to that nobody disturbs."""

    home: Path
    defs: Path
    undisturbed: Undisturbed


@pytest.fixture(scope="module")
def beginning(
    _migrated: Path, _finished: Path, forks: Forks, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Beginning]:
    """With empty databases, and with what a home knows of code and networks."""
    defs = tmp_path_factory.mktemp("defs")
    recipes.write(defs)
    with in_memory() as folder:
        home = Home(folder / "home")
        begin(home, _migrated, _finished)
        undisturbed = _run(forks, Home(Path(shutil.copytree(home.root, folder / "undisturbed"))), defs)
        assert set(undisturbed.digests) == ALL
        yield Beginning(home.root, defs, undisturbed)


@pytest.mark.slow(seconds=120)
@pytest.mark.parametrize("part", range(_PARTS))
def test_a_run_that_is_killed_at_fifty_moments_ends_as_if_nobody_had(
    part: int, beginning: Beginning, forks: Forks, memory: Path, tell: Tell
) -> None:
    homes = (Home(Path(shutil.copytree(beginning.home, memory / str(number)))) for number in itertools.count())
    chance = random.Random(_SEED)
    positions = [_LONGER * (number + chance.random()) / _KILLS for number in range(_KILLS)][part::_PARTS]
    waiting = [positions[first::_CHAINS] for first in range(_CHAINS)]
    found: Counter[int] = Counter()
    tries = closed = 0
    while waiting:
        own, chain, done = next(homes), waiting.pop(0), 0
        for number, position in enumerate(chain):
            ended = not _killed(forks, own, beginning.defs, beginning.undisturbed.moment(position, done))
            done, tries = assert_nothing_is_torn(own), tries + 1
            if ended:  # it was quicker: what is left of the chain begins anew, and sooner
                assert tries < _AT_MOST
                waiting.append([_SOONER * late for late in chain[number:]])
                break
            found[done] += 1
        assert _run(forks, own, beginning.defs).digests == beginning.undisturbed.digests
        closed += assert_sound(own)
    assert found.total() == _KILLS // _PARTS
    assert len(found) >= 3, f"the moments are spread over the run: {found}"
    spread = ", ".join(f"{count} with {done}" for done, count in sorted(found.items()))
    tell(f"{found.total()} kills of a run ({spread} of 9 assets done): none lost or changed anything")
    tell(f"MLflow runs of killed processes: {closed}, each one closed as failed")


@pytest.mark.slow
def test_a_home_whose_making_is_killed_is_made_by_the_next_command(
    home: Path, defs: Path, forks: Forks, memory: Path, tell: Tell
) -> None:
    seconds = 1.2 * _until_it_is_made(forks, Home(memory / "another"), defs)
    own, kills = Home(memory / "home"), 0
    for number in range(_MAKINGS):
        if _killed(forks, own, defs, (number + 0.5) / _MAKINGS * seconds):
            kills += 1
        assert not own.dagster.exists() or {path.name for path in own.dagster.iterdir()} >= _MADE
    assert kills >= _MAKINGS - 1
    assert set(_run(forks, own, defs).digests) == ALL
    assert_sound(own)
    tell(f"{kills} kills while a home was made: the next command made it")


def _until_it_is_made(forks: Forks, home: Home, defs: Path) -> float:
    """What a run takes of the processor until Dagster's databases are there."""
    command = forks.start("run", "tiny", "--json", environment=environment(home, defs))
    while not home.dagster.exists():
        time.sleep(_LOOK)
    seconds = command.seconds()
    command.kill()
    command.wait()
    assert seconds is not None
    return seconds


def _killed(forks: Forks, home: Home, defs: Path, moment: float) -> bool:
    """Whether a run was killed when it had computed so many seconds; False if it ended before."""
    command = forks.start("run", "tiny", "--json", environment=environment(home, defs))
    while (seconds := command.seconds()) is not None and seconds < moment:
        time.sleep(_LOOK)
    command.kill()
    ended = command.wait()
    assert ended.code in (-9, 0), ended.words
    return ended.code == -9
