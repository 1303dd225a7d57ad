"""Ends the training of a trial without hope: each epoch is reported to the study, whose pruner compares the trials.

Epochs are counted through the trainings of a trial: those of a student, then those of a method that trains it further.
By the median each training is judged by its own epochs alone.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.execution import progress
from pipelines.graph.graph import Graph
from pipelines.kinds import search as searched
from pipelines.kinds.search import Watched
from pipelines.recipe.searched.section import Search
from pipelines.search.study import Study
from pipelines.state.materialization import Materialization

if TYPE_CHECKING:
    import optuna

_OF_EPOCHS = "learning_rate"  # what a training tells of an epoch has it, and what else is told of a stage has not
_WORDS = {
    "median": "worse than the median of the trials before it",
    "successive_halving": "not among the best quarter of the trials so far",
}


class Pruning:
    """One trial's epochs, as they end.

    epoch  the trial's last one, once it was given up
    """

    def __init__(
        self,
        study: Study,
        asked: "optuna.Trial",
        search: Search,
        epochs: Callable[[Materialization, str], Sequence[float]],
    ) -> None:
        """`epochs`: of a result that is known, what a metric was after each."""
        self._study, self._asked, self._search, self._epochs = study, asked, search, epochs
        self._watched: Watched | None = None
        self._seen: dict[str, list[Mapping[str, float]]] = {}
        self.epoch: int | None = None

    @contextmanager
    def of(self, graph: Graph) -> Generator[None]:
        """Watch the trial's trainings in the block. One without hope ends by Pruned, which its stage raises."""
        self._watched = searched.watched(self._search, graph)
        if self._watched is None:
            yield
            return
        with progress.subscribed(self._see):
            yield

    def known(self, entry: Materialization) -> None:
        """A training that was done before: others are compared with it, and it is not given up."""
        if self._watched is not None and entry.asset in self._watched.before:
            before = self._watched.before[entry.asset]
            for epoch, value in enumerate(self._epochs(entry, self._watched.metric), start=1):
                self._study.report(self._asked, before + epoch, value)
                self._study.compared(self._asked, before, epoch)

    def _see(self, event: progress.Event) -> None:
        watched = self._watched
        assert watched is not None, "nobody subscribed"
        if not isinstance(event, progress.Advanced) or event.asset not in watched.before:
            return
        told = event.progress.metrics
        if _OF_EPOCHS not in told or watched.metric not in told:
            return
        seen, before = self._seen.setdefault(event.asset, []), watched.before[event.asset]
        seen.append(told)
        step = before + len(seen)
        self._study.report(self._asked, step, told[watched.metric])
        if self._study.hopeless(self._asked, before, len(seen)):
            self.epoch = step
            words = f"{watched.metric} is {self._study.value(self._asked, step):.4g}, {_WORDS[self._search.pruner]}"
            raise progress.Pruned(f"{event.asset} was given up after epoch {len(seen)}: {words}", seen)
