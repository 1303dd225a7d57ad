"""Which stages begin before their turn: of the trainings in a run those whose inputs are there, if one core is enough
for each and more are left.

A network of small layers gains little from a second core, so two such trainings side by side take little longer than
one. What is computed is the same to the last bit: a stage is a pure function, wherever it runs.
"""

import atexit
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from compression_ops.errors import CompressionError
from compression_ops.stages.stage import StageResult
from pipelines.execution import dry_run, inputs, status
from pipelines.execution.log import Log, reporter
from pipelines.execution.plan import plan
from pipelines.execution.side_by_side import training
from pipelines.execution.side_by_side.job import Job
from pipelines.execution.side_by_side.pool import Pool
from pipelines.graph.asset import Asset
from pipelines.pipeline import Pipeline
from pipelines.state import scratch
from pipelines.state.actions.action import Action
from pipelines.state.journal import reading
from pipelines.state.materialization import Materialization

_WORTH_A_PROCESS = 2.0  # seconds of what it may take over: it needs two to begin, on a core that has nothing to do
_MOST = 16  # processes; each takes half a GiB of memory
_ON_THIS_PROCESSOR = "cpu"


@dataclass(frozen=True)
class Computed:
    """A stage's result, the folder that it wrote, and the seconds that it took."""

    result: StageResult
    output: Path
    seconds: float


@dataclass(frozen=True)
class _Begun:
    """The job of an action, for which asset, and the folder that it writes to until the stack is closed."""

    recipe: str
    asset: str
    stack: ExitStack
    output: Path


class _Ahead:
    """The pool of this process, and what was given to it, by the keys of actions: two assets may ask for one."""

    def __init__(self) -> None:
        self.pool: Pool | None = None
        self.begun: dict[str, _Begun] = {}

    def close(self) -> None:
        if self.pool is not None:
            self.pool.close()
        for each in self.begun.values():
            each.stack.close()
        self.pool, self.begun = None, {}


_ahead = _Ahead()
atexit.register(_ahead.close)


def close() -> None:
    """End what was begun and nobody has taken."""
    _ahead.close()


def begin(pipeline: Pipeline, action: Action, together: Collection[str], device: str, log: Log) -> None:
    """Begin what else is to be trained in the same run, before the stage of an action runs in this process.

    together  the assets of the run
    device    where they are to be trained
    """
    others = [asset for asset in _others(pipeline, frozenset(together)) if asset.name != action.asset.name]
    cores = _cores(pipeline, action, device) if others else 1
    if cores < 2:
        return
    ready = list(_ready(pipeline, others, device))
    if sum(_seconds(pipeline, other) for other in ready) < _WORTH_A_PROCESS:
        return
    pool = _ahead.pool = _ahead.pool or Pool(min(cores - 1, _MOST))
    for other in ready:
        if other.key in (action.key, *_ahead.begun):
            continue
        stack = ExitStack()
        output = stack.enter_context(scratch.folder(pipeline.home.running))
        stack.enter_context(reading.named(pipeline.home.journal, other.inputs.sources.values()))
        _ahead.begun[other.key] = _Begun(pipeline.recipe, other.asset.name, stack, output)
        pool.add(other.key, Job(other.asset.stage, other.parameters, other.inputs.folders, output, device))
        log(f"{other.asset.name}: may begin beside {action.asset.name}, on another core")


def drop(action: Action) -> None:
    """Forget what was begun for an action whose result another process has stored meanwhile: nobody waits for it."""
    begun = _ahead.begun.pop(action.key, None)
    if begun is None or _ahead.pool is None:
        return
    _ahead.pool.take(action.key)  # one that no process has taken yet is not done at all
    if not _ahead.begun:
        close()  # with the process that is at it
    begun.stack.close()


@contextmanager
def computed(action: Action, log: Log) -> Generator[Computed | None]:
    """What another process computed for an action, waited for; None if none began with it, or if it was lost."""
    begun = _ahead.begun.pop(action.key, None)
    if begun is None or _ahead.pool is None:
        yield None
        return
    with begun.stack:
        taken, done = _ahead.pool.take(action.key), None
        if taken is not None:
            done = taken.result(reporter(action.asset, log), _ahead.pool.help)
            if done is None:
                log(f"{action.asset.name}: the process that trained it was ended by somebody; training it here")
        yield Computed(done.result, begun.output, done.seconds) if done is not None else None
    if not _ahead.begun:
        close()


def _cores(pipeline: Pipeline, action: Action, device: str) -> int:
    """How many trainings may run at a time, the action among them; 1 for it alone."""
    if device != _ON_THIS_PROCESSOR:
        return 1
    import torch

    return torch.get_num_threads() if torch.get_num_threads() > 1 and _seconds(pipeline, action) else 1


def _others(pipeline: Pipeline, together: frozenset[str]) -> Iterator[Asset]:
    """The trainings of a run that were not begun."""
    begun = {each.asset for each in _ahead.begun.values() if each.recipe == pipeline.recipe}
    for name, asset in pipeline.graph.assets.items():
        if name in together - begun and training.of(pipeline, asset) is not None:
            yield asset


def _ready(pipeline: Pipeline, assets: Iterable[Asset], device: str) -> Iterator[Action]:
    """Those whose inputs are there and not to be made in the same run, that are not known and small."""
    states = status.of_pipeline(pipeline)
    for asset in assets:
        if any(name in states and states[name].state != "fresh" for name in asset.inputs):
            continue
        with suppress(CompressionError):  # it is told when its turn comes
            other = plan(asset, inputs.load(pipeline, asset, _silent, _not_here))
            if pipeline.actions.get(other.key) is None and _seconds(pipeline, other):
                dry_run.check(pipeline, asset, other.inputs.folders["dataset"], (), device, _silent)
                yield other


def _seconds(pipeline: Pipeline, action: Action) -> float:
    """About how long its training takes on one core; 0 for one that keeps more of them busy, or that is none."""
    asked = training.effort(pipeline, action)
    return asked.seconds if asked is not None and asked.threads == 1 else 0.0


def _silent(line: str) -> None:
    pass


def _not_here(name: str) -> Materialization:
    raise CompressionError(f"{name} is computed in its own turn")
