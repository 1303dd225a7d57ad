"""What the benchmark report says in sentences, for a terminal."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from compression_ops import quantities
from pipelines.cli.report_tables import Row, digits

_MEASURED = "### How it was measured\n"


def recommended(models: Sequence[Row], name: str) -> tuple[str, str]:
    """Why `name` is the model to look at first, and how good, small and fast it is."""
    row = next(row for row in models if row["model"] == name)
    if row["passed"] is None:
        choice = "Most accurate"
    else:
        choice = "Smallest within the limits" if row["passed"] else "None is within the limits; the most accurate"
    places = digits(models)
    text = f"{quantities.percent(row['test_accuracy'], places)} of the test split right in "
    text += quantities.size(row["file_bytes"])
    if row["parent"] is None:
        return choice, f"{text}."
    smaller, faster = quantities.ratio(row["compression_ratio"]), quantities.ratio(row["speedup_ratio"])
    change = f"{quantities.points(row['accuracy_change_points'], places)} points against {row['parent']}"
    return choice, f"{text}, {smaller} smaller and {faster} faster than the teacher; {change}."


def verdicts(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(model, sentence) of each quantized student, from `report.json`."""
    return [
        (name, f"{'pass' if model['verdict']['passed'] else 'fail'}. {model['verdict']['words']}")
        for name, model in content["models"].items()
        if model["verdict"] is not None
    ]


def distillation(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(model, sentence) of each student that has a control, from `report.json`."""
    from compression_ops.evaluation.quality import Change
    from compression_ops.report.verdict import distillation_words

    places = quantities.accuracy_digits(content["test_samples"])
    return [
        (name, distillation_words(name, Change(**model["distillation"]), places))
        for name, model in content["models"].items()
        if model["distillation"] is not None
    ]


def conditions(markdown: str) -> list[tuple[str, str]]:
    """(what, value) of how it was measured, which `report.md` alone tells in words."""
    _, _, section = markdown.partition(_MEASURED)
    pairs = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", section, re.MULTILINE)
    return [(what, re.sub(r"\\([\\|*`[<])", r"\1", value)) for what, value in pairs]
