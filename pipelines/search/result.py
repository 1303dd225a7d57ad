"""What a search found: as a value, as JSON, and as the command that takes its best setting."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.recipe.writing.in_place import written
from pipelines.search.study import Trial


@dataclass(frozen=True)
class Result:
    """A search as far as it has come.

    objectives  {number: `maximize` or `minimize`}
    constraints the numbers that must keep to a limit
    fields      those that were searched
    trials      that are finished;  total: how many there are to be
    best        the numbers of those that no other beats
    folder      of the study, with its plot
    run_id      of the search in MLflow
    """

    recipe: str
    objectives: Mapping[str, str]
    constraints: Sequence[str]
    fields: Sequence[str]
    trials: Sequence[Trial]
    total: int
    best: Sequence[int]
    folder: Path
    run_id: str | None = None

    @property
    def chosen(self) -> Trial | None:
        """The best trial; of a Pareto front the one that is best in the first objective. None if none keeps all
        constraints.
        """
        best = [trial for trial in self.trials if trial.number in self.best]
        if not best:
            return None
        name, direction = next(iter(self.objectives.items()))
        sign = 1 if direction == "maximize" else -1
        return max(best, key=lambda trial: sign * trial.numbers[name])

    def command(self, trial: Trial) -> str:
        """The command that sets a trial's values in the recipe and computes what is not known yet."""
        sets = [f"--set {shlex.quote(f'{field}={written(value)}')}" for field, value in trial.values.items()]
        return " ".join([f"compression run {self.recipe}", *sets])

    def to_json(self) -> dict[str, Any]:
        """As `compression run --search --json` prints it."""
        chosen = self.chosen
        return {
            "recipe": self.recipe,
            "objectives": dict(self.objectives),
            "trials": [self._trial(trial) for trial in self.trials],
            "total": self.total,
            "best": list(self.best),
            "command": self.command(chosen) if chosen else None,
            "folder": str(self.folder),
            "mlflow_run_id": self.run_id,
        }

    def _trial(self, trial: Trial) -> dict[str, Any]:
        return {
            "number": trial.number,
            "outcome": trial.outcome,
            "feasible": trial.feasible,
            "best": trial.number in self.best,
            "values": dict(trial.values),
            "numbers": dict(trial.numbers),
            "cause": trial.cause,
            "pruned_epoch": trial.epoch,
            "computed": list(trial.computed),
            "seconds": round(trial.seconds, 3),
            "mlflow_run_id": trial.run_id,
            "command": self.command(trial) if trial.outcome == "complete" else None,
        }
