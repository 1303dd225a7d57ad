"""A search for readers: a trial in a line, the whole as MLflow's page shows it, and its plot in a file."""

from pathlib import Path

from pipelines.search.result import Result
from pipelines.search.study import Trial

PLOT, TRIALS = "search.html", "trials.json"


def words(trial: Trial) -> str:
    """`complete, student/small.validation_accuracy 0.9474`."""
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in trial.numbers.items())
    return ", ".join(part for part in (trial.outcome, numbers, trial.cause) if part)


def description(result: Result) -> str:
    """Markdown: what is best, and the command that takes it."""
    asked = ", ".join(f"{direction} {name}" for name, direction in result.objectives.items())
    lines = [f"{len(result.trials)} of {result.total} trials: {asked}."]
    for trial in result.trials:
        if trial.number in result.best:
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in trial.numbers.items())
            lines += ["", f"Best, trial {trial.number}: {numbers}", "", f"    {result.command(trial)}"]
    if not result.best:
        lines += ["", "No trial keeps all constraints."]
    return "\n".join(lines)


def write(result: Result) -> list[Path]:
    """The plot and all trials, in the study's folder; returns the files."""
    import json

    from compression_ops.report import search_page

    points = [
        search_page.Point(
            name=f"trial {trial.number}",
            numbers=dict(trial.numbers),
            settings={
                field: f"{value:.6g}" if isinstance(value, float) else str(value)
                for field, value in trial.values.items()
            },
            is_feasible=trial.feasible,
            is_best=trial.number in result.best,
        )
        for trial in result.trials
        if trial.outcome == "complete"
    ]
    plot, trials = result.folder / PLOT, result.folder / TRIALS
    plot.write_text(search_page.html(result.recipe, dict(result.objectives), points), encoding="utf-8")
    trials.write_text(json.dumps(result.to_json(), indent=1) + "\n", encoding="utf-8")
    return [plot, trials]
