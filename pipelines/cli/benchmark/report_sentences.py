"""What the benchmark report says in sentences, for a terminal."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from compression_ops import quantities
from compression_ops.metric import WORDS, Metric, columns
from pipelines.cli.benchmark.report_tables import Row, digits, metric_of

_MEASURED = "### How it was measured\n"


def recommended(models: Sequence[Row], name: str, metric: Metric = "accuracy") -> tuple[str, str]:
    """Why `name` is the model to look at first, and how good, small and fast it is."""
    row = next(row for row in models if row["model"] == name)
    best = "most accurate" if metric == "accuracy" else f"highest {WORDS[metric]}"
    if row["passed"] is None:
        choice = best[0].upper() + best[1:]
    else:
        choice = "Smallest within the limits" if row["passed"] else f"None is within the limits; the {best}"
    places, column = digits(models), columns(metric)
    good = "of the test split right" if metric == "accuracy" else f"{WORDS[metric]} on the test split"
    text = f"{quantities.percent(row[column.value], places)} {good} in {quantities.size(row['file_bytes'])}"
    if row["parent"] is None:
        return choice, f"{text}."
    smaller, faster = quantities.smaller(row["compression_ratio"]), quantities.faster(row["speedup_ratio"])
    change = f"{quantities.points(row[column.change], places)} points against {row['parent']}"
    return choice, f"{text}, {smaller} and {faster} than the teacher; {change}."


def warnings(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(model, sentence) of each model that may be no better than looking at no sample, from `report.json`."""
    return [(name, model["hardly_better"]) for name, model in content["models"].items() if model.get("hardly_better")]


def verdicts(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(model, sentence) of each quantized student, from `report.json`."""
    return [
        (name, f"{'pass' if model['verdict']['passed'] else 'fail'}. {model['verdict']['words']}")
        for name, model in content["models"].items()
        if model["verdict"] is not None
    ]


def distillation(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(model, sentence) of each student that has a control, from `report.json`."""
    from compression_ops.evaluation.over_seeds import OverSeeds
    from compression_ops.evaluation.quality import Change
    from compression_ops.evaluation.statistics import Difference
    from compression_ops.report.seed_sections import gained
    from compression_ops.report.verdict import distillation_words

    places, metric = quantities.accuracy_digits(content["test_samples"]), metric_of(content)

    def seeds(stated: Mapping[str, Any]) -> OverSeeds:
        found = {metric: Difference(**each) for metric, each in stated["distillation"].items()}
        return OverSeeds(stated["values"], {}, found)

    def change(stated: Mapping[str, Any]) -> Change:
        averaged = {name: Difference(**found) for name, found in stated.get("class_averaged", {}).items()}
        typed: dict[str, Any] = {**stated, "class_averaged": averaged}
        return Change(**typed)

    distilled = {name: model for name, model in content["models"].items() if model["distillation"] is not None}
    over_seeds = [
        (name, gained(model["distillation"]["reference"], seeds(model["over_seeds"]), places + 1, metric))
        for name, model in distilled.items()
        if model.get("over_seeds")
    ]
    return over_seeds + [
        (name, distillation_words(name, change(model["distillation"]), places, metric))
        for name, model in distilled.items()
    ]


def conditions(markdown: str) -> list[tuple[str, str]]:
    """(what, value) of how it was measured, which `report.md` alone tells in words."""
    _, _, section = markdown.partition(_MEASURED)
    pairs = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", section, re.MULTILINE)
    return [(what, re.sub(r"\\([\\|*`[<])", r"\1", value)) for what, value in pairs]
