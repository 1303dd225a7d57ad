"""A stage with an effect: its result depends on a state outside the recipe, and changes that state.

Such an asset is known by what was decided on, not by its inputs alone; its stage is prepared with what the state holds;
and what it decided is carried out once it is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.graph.graph import Graph
from pipelines.state.action import Action
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


class Decision(Protocol):
    """One decision, opened on its circumstances."""

    def key(self) -> str:
        """What its answer is known by: what is decided on, and the state now. Once an answer is carried out, this is
        another key, on a state that has the answer already.
        """
        ...

    def prepared(self) -> Action:
        """The action with what its stage must know beside the recipe."""
        ...

    def carry_out(self, folder: Path, sources: Mapping[str, Source], experiment_id: str, run_id: str) -> str:
        """Do what the stage, whose artifact lies in `folder`, decided; returns it in words.

        sources                what it was made from, as MLflow knows it
        experiment_id, run_id  the MLflow run that decided
        """
        ...
