"""A stage with an effect: its result depends on a state outside the recipe, and changes that state.

Such an asset is known by what was decided on, not by its inputs alone; its stage is prepared with what the state holds;
and what it decided is carried out once it is known by the state that it leads to: whoever is killed before that step
decided nothing, and whoever is killed after it has an answer that is found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.graph.graph import Graph
from pipelines.state.actions.action import Action
from pipelines.state.history import History
from pipelines.state.home import Home
from pipelines.state.materialization import Source


@dataclass(frozen=True)
class Circumstances:
    """On what a decision is made: the action as its inputs ask for it, and where state lies."""

    home: Home
    graph: Graph
    history: History
    action: Action


@dataclass(frozen=True)
class Answer:
    """What was decided, ready to be carried out.

    words   the decision
    key     what it is known by once it is carried out: what was decided on, and the state that has the answer already
    commit  the one step that carries it out; what the state refers to was written before
    """

    words: str
    key: str
    commit: Callable[[], None]


class Decision(Protocol):
    """One decision, opened on its circumstances."""

    def key(self) -> str:
        """What its answer is known by: what is decided on, and the state now."""
        ...

    def prepared(self) -> Action:
        """The action with what its stage must know beside the recipe."""
        ...

    def answer(self, folder: Path, sources: Mapping[str, Source], experiment_id: str, run_id: str) -> Answer:
        """Make ready what the stage, whose artifact lies in `folder`, decided.

        sources                what it was made from, as MLflow knows it
        experiment_id, run_id  the MLflow run that decided
        """
        ...
