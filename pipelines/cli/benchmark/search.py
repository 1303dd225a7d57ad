"""What `compression run --search` prints: its trials, the best of them, and the command that takes the best."""

from collections.abc import Sequence

from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import out
from pipelines.cli.terminal.layout import Column
from pipelines.search.pages import PLOT
from pipelines.search.result import Result
from pipelines.search.study import Trial

_STYLES = {"complete": "", "pruned": "yellow", "failed": "bold red"}


def show(result: Result) -> None:
    """A table of all trials, the best first, then what to do with them."""
    computed = sum(len(trial.computed) for trial in result.trials)
    head = f"search of {result.recipe}: {len(result.trials)} trials, {computed} results computed for them"
    out.print(out.text((head, "bold")), soft_wrap=True)
    trials = sorted(result.trials, key=lambda trial: (trial.number not in result.best, trial.number))
    numbers = list(dict.fromkeys((*result.objectives, *result.constraints)))
    layout.show(
        out,
        Column("trial", [str(trial.number) for trial in trials]),
        [
            Column("", [(_rank(trial, result), _STYLES[trial.outcome]) for trial in trials], right=False),
            *(
                Column(_short(name, numbers), [_number(trial.numbers.get(name)) for trial in trials])
                for name in numbers
            ),
            *(
                Column(_short(field, result.fields), [_value(trial.values.get(field)) for trial in trials])
                for field in result.fields
            ),
        ],
    )
    for trial in trials:
        if trial.cause:
            out.say((f"trial {trial.number}", "bold"), f": {trial.cause}")
    _tell_best(result)


def _tell_best(result: Result) -> None:
    chosen = result.chosen
    if chosen is None:
        out.say("No trial keeps all constraints: loosen one, or widen the fields.")
        return
    if len(result.best) > 1:
        best = ", ".join(map(str, result.best))
        out.say(f"None beats the trials {best} in all of {', '.join(result.objectives)}.")
        out.say(f"The one with the best {next(iter(result.objectives))} is trial {chosen.number}; to take it:")
    else:
        out.say(f"Trial {chosen.number} is best; to take it:")
    out.print(f"  {result.command(chosen)}", soft_wrap=True)
    out.say(("plot: ", "dim"), str(result.folder / PLOT))


def _rank(trial: Trial, result: Result) -> str:
    if trial.number in result.best:
        return "best" if len(result.best) == 1 else "Pareto"
    if trial.epoch is not None:
        return f"pruned at epoch {trial.epoch}"
    return "infeasible" if trial.outcome == "complete" and not trial.feasible else trial.outcome.replace("complete", "")


def _short(name: str, others: Sequence[str]) -> str:
    """The last word of a name, if no other ends in it, in words that fold."""
    last = name.rpartition(".")[2]
    return (last if sum(other.endswith(f".{last}") for other in others) == 1 else name).replace("_", " ")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{int(value)}" if float(value).is_integer() else f"{value:.4g}"


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
