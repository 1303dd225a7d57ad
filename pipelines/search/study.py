"""A search kept on disk as a study of Optuna's: what was tried, what is to be tried next.

Every trial is drawn by a sampler with a seed of its own, from the search's seed and the trial's number, so a search
that was interrupted goes on as if it had not been; a trial that was begun is gone on with.
"""

import copy
import json
import logging
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from compression_ops.quantities import beside
from pipelines.recipe.searched.section import Search
from pipelines.search import space as spaces
from pipelines.state.journal.journal import Journal

if TYPE_CHECKING:
    import optuna

Outcome = Literal["complete", "pruned", "failed"]

_FILE = "study.journal"
_NUMBERS, _CAUSE, _COMPUTED, _RUN, _SECONDS = "numbers", "cause", "computed", "run_id", "seconds"
_EPOCH, _GIVEN_UP = "epoch", "given_up"
_STARTUP = 10  # of TPE's trials so many are random, or half of them if there are fewer
_COMPARED = 5  # so many trials end unpruned before the median is one, or a quarter of all if there are fewer
_WARM_UP = 2  # the first epoch of a training that the median judges: a low learning rate begins slowly


@dataclass(frozen=True)
class Trial:
    """One finished trial.

    values    {field: value}
    numbers   {`asset.metric`: value}, as far as it came
    outcome   `complete`; `pruned`: a constraint, a gate or the pruner stopped it; `failed`: a stage did
    cause     why, in words, if it is not complete or breaks a constraint
    computed  the assets that were computed for it, and not known already
    epoch     the trial's last one, if it was pruned while a network trained
    run_id    its run in MLflow
    """

    number: int
    outcome: Outcome
    values: Mapping[str, Any]
    numbers: Mapping[str, float]
    cause: str
    computed: Sequence[str]
    run_id: str | None
    seconds: float
    feasible: bool
    epoch: int | None = None


class Study:
    """The trials of one search, in a folder of its own; or in a journal that machines share."""

    def __init__(
        self,
        folder: Path,
        search: Search,
        space: "Mapping[str, optuna.distributions.BaseDistribution]",
        journal: Journal | None = None,
        is_looked_at: bool = False,
    ) -> None:
        """`is_looked_at`: nothing is written to it, while another process may go on with it."""
        import optuna

        from pipelines.search import shared

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        logging.getLogger("optuna").propagate = False
        folder.mkdir(parents=True, exist_ok=True)
        self._search, self._space = search, dict(space)
        with _quiet():
            backend = shared.opened(journal, folder / _FILE, is_looked_at)
            self._study = optuna.create_study(
                study_name="search",
                storage=optuna.storages.JournalStorage(backend),
                directions=list(search.objectives.values()),
                pruner=self._pruner(),
                load_if_exists=True,
            )

    @property
    def is_exhaustive(self) -> bool:
        """Whether there are no more settings than trials, so that each is tried once."""
        return spaces.size(self._space) <= self._search.trials

    def begin_with(self, values: Mapping[str, Any]) -> None:
        """Try a setting first, if nothing was tried yet and it is one that may be chosen."""
        if not self._study.get_trials(deepcopy=False) and spaces.contains(self._space, values):
            self._study.enqueue_trial(dict(values))

    def next(self) -> "optuna.Trial | None":
        """A trial that was begun and has no end, or a new one; None if all are done."""
        import optuna

        begun = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        number = begun[0].number if begun else len(self.trials())
        if number >= self.total:
            return None
        with _quiet():
            self._study.sampler = self._sampler(number)
            trial = self._again(begun[0]) if begun else self._study.ask()
            for field, domain in self._space.items():
                spaces.suggest(trial, field, domain)
        return trial

    def report(self, trial: "optuna.Trial", step: int, value: float) -> None:
        """What a network of a trial gives after so many epochs, counted from 1. What is known already stays."""
        with _quiet():
            trial.report(value, step)

    def value(self, trial: "optuna.Trial", step: int) -> float:
        """What was reported of a trial at a step."""
        return self._so_far(trial).intermediate_values[step]

    def hopeless(self, trial: "optuna.Trial", before: int, epoch: int) -> bool:
        """Whether a trial is given up by what a training gave by one of its own epochs, `before` of others.

        What a process that was stopped gave up stays so.
        """
        step = before + epoch
        is_over = self._so_far(trial).user_attrs.get(_GIVEN_UP) == step or self.compared(trial, before, epoch)
        if is_over:
            trial.set_user_attr(_GIVEN_UP, step)
        return is_over

    def compared(self, trial: "optuna.Trial", before: int, epoch: int) -> bool:
        """What the pruner says of it. By being asked, successive halving keeps what it compares others with.

        What was reported of later epochs, by a process that was stopped, does not count. Where some of the earlier
        ones are not known, nothing is compared.
        """
        found, step, is_median = copy.copy(self._so_far(trial)), before + epoch, self._search.pruner == "median"
        # The median compares the best so far, which must not be another training's.
        after = before if is_median else 0
        seen = {each: value for each, value in found.intermediate_values.items() if after < each <= step}
        if len(seen) < step - after or (is_median and epoch < _WARM_UP):
            return False
        found.intermediate_values = seen
        with _quiet():
            return self._study.pruner.prune(self._study, found)

    def _so_far(self, trial: "optuna.Trial") -> "optuna.trial.FrozenTrial":
        return self._study.get_trials(deepcopy=False)[trial.number]

    @property
    def total(self) -> int:
        """How many trials there are to be."""
        return int(min(self._search.trials, spaces.size(self._space)))

    def tell(self, trial: "optuna.Trial", told: Trial) -> None:
        """A trial is over."""
        import optuna

        for name, value in _broken(self._search, told.numbers).items():
            if name not in trial.constraints:
                trial.set_constraint(name, value)
        kept = {
            _NUMBERS: dict(told.numbers),
            _CAUSE: told.cause,
            _COMPUTED: list(told.computed),
            _RUN: told.run_id,
            _SECONDS: told.seconds,
            _EPOCH: told.epoch,
        }
        for name, value in kept.items():
            trial.set_user_attr(name, value)
        if self.is_exhaustive:  # whose sampler stops the loop of `Study.optimize` after the last setting; there is none
            self._study.sampler = optuna.samplers.RandomSampler()
        states = {"pruned": optuna.trial.TrialState.PRUNED, "failed": optuna.trial.TrialState.FAIL}
        with _quiet():
            if told.outcome == "complete":
                self._study.tell(trial, [told.numbers[name] for name in self._search.objectives])
            else:
                self._study.tell(trial, state=states[told.outcome])

    def trials(self) -> list[Trial]:
        """The finished trials, in their order."""
        import optuna

        names = {
            optuna.trial.TrialState.COMPLETE: "complete",
            optuna.trial.TrialState.PRUNED: "pruned",
            optuna.trial.TrialState.FAIL: "failed",
        }
        found = [each for each in self._study.get_trials(deepcopy=False) if each.state in names]
        return [_trial(each, cast(Outcome, names[each.state])) for each in found]

    def best(self) -> list[int]:
        """The numbers of the trials that no other beats in all objectives, of those that keep all constraints.

        With one objective a single trial, the first of equals; with several the Pareto front, each setting once.
        """
        found = sorted(self._study.best_trials, key=lambda trial: trial.number)
        first = {json.dumps(each.params, sort_keys=True): each.number for each in reversed(found)}
        numbers = sorted(first.values())
        return numbers[:1] if len(self._search.objectives) == 1 else numbers

    def _again(self, begun: "optuna.trial.FrozenTrial") -> "optuna.Trial":
        """A trial that another process began; Optuna's public way leads to its end only."""
        import optuna

        return optuna.trial.Trial(self._study, begun._trial_id)  # pyright: ignore[reportPrivateUsage]

    def _sampler(self, number: int) -> "optuna.samplers.BaseSampler":
        from optuna import samplers

        seed = (self._search.seed + 1_000_003 * number) % 2**32
        if self.is_exhaustive:
            return samplers.BruteForceSampler(seed=seed)
        if self._search.sampler == "random":
            return samplers.RandomSampler(seed=seed)
        if self._search.sampler == "nsgaii":
            return samplers.NSGAIISampler(seed=seed, population_size=max(4, min(50, self._search.trials // 4)))
        return samplers.TPESampler(seed=seed, n_startup_trials=min(_STARTUP, max(1, self._search.trials // 2)))

    def _pruner(self) -> "optuna.pruners.BasePruner":
        from optuna import pruners

        if self._search.pruner == "median":
            compared = min(_COMPARED, max(1, self._search.trials // 4))
            return pruners.MedianPruner(n_startup_trials=compared)
        if self._search.pruner == "successive_halving":
            return pruners.SuccessiveHalvingPruner(min_resource=1)
        return pruners.NopPruner()


def _trial(found: "optuna.trial.FrozenTrial", outcome: Outcome) -> Trial:
    kept = found.user_attrs
    return Trial(
        number=found.number,
        outcome=outcome,
        values=dict(found.params),
        numbers=kept.get(_NUMBERS, {}),
        cause=kept.get(_CAUSE, ""),
        computed=tuple(kept.get(_COMPUTED, ())),
        run_id=kept.get(_RUN),
        seconds=kept.get(_SECONDS, 0.0),
        feasible=outcome == "complete" and all(value <= 0 for value in found.constraints.values()),
        epoch=kept.get(_EPOCH),
    )


def broken(search: Search, numbers: Mapping[str, float]) -> list[str]:
    """The constraints that the numbers found so far break, in words."""
    words: list[str] = []
    for name, limit in search.constraints.items():
        if name not in numbers:
            continue
        if limit.at_most is not None and numbers[name] > limit.at_most:
            words.append(
                f"{name} is {beside(limit.at_most, numbers[name], 4, 'g')}; at most {limit.at_most:g} is asked"
            )
        if limit.at_least is not None and numbers[name] < limit.at_least:
            words.append(
                f"{name} is {beside(limit.at_least, numbers[name], 4, 'g')}; at least {limit.at_least:g} is asked"
            )
    return words


def _broken(search: Search, numbers: Mapping[str, float]) -> dict[str, float]:
    """As Optuna takes constraints: by how much each is broken, at most 0 where it is kept."""
    found: dict[str, float] = {}
    for name, limit in search.constraints.items():
        if name in numbers and limit.at_most is not None:
            found[f"{name} at most"] = numbers[name] - limit.at_most
        if name in numbers and limit.at_least is not None:
            found[f"{name} at least"] = limit.at_least - numbers[name]
    return found


def mend(folder: Path) -> None:
    """Drop the last line of a journal whose writer was killed before it ended: what is appended would hang on it.

    Nobody else may write to it meanwhile.
    """
    file = folder / _FILE
    if file.exists() and (text := file.read_bytes()) and not text.endswith(b"\n"):
        file.write_bytes(text[: text.rfind(b"\n") + 1])


@contextmanager
def _quiet() -> Generator[None]:
    """Optuna warns of what is experimental in it, which tells a user of ours nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
