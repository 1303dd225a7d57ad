"""`compression compare`."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import Terminal, out, print_json, warn
from pipelines.cli.terminal.layout import Column
from pipelines.pipeline import Pipeline

if TYPE_CHECKING:
    from compression_ops.evaluation.comparison.comparison import Assessed, Comparison
    from compression_ops.evaluation.comparison.flips import Answer
    from compression_ops.metric import Metric
    from compression_ops.report.sections import Table
    from pipelines.commands.compare import Compared
    from pipelines.commands.model_reference import Found

_SHOWN = 10
_MODEL = "An asset such as `student/small`, `champion`, or the beginning of a digest or of an MLflow run's id."


def command(
    recipe: Recipe,
    first: Annotated[str, typer.Argument(metavar="A", help=_MODEL)],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    page: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page with the flipped samples; images as pictures."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what changed from one model to another, whenever they were made, on the recipe's test split."""
    from pipelines.commands import compare

    place = None if page is None else Path(page)
    if place is not None:
        compare.check_place(place)
    pipeline = Pipeline.open(recipe)
    compared = compare.compare(pipeline, first, second)
    if place is not None and compared.comparison is not None:
        compare.write_page(pipeline, compared, place)
    if as_json:
        print_json(_json(recipe, compared))
    else:
        show(out, compared, pipeline.file.recipe.metric)
        if place is not None and compared.comparison is not None:
            out.print(out.text(("page: ", "dim"), str(place)), soft_wrap=True)
    for words in compared.warnings:
        warn(words)


def show(console: Terminal, compared: "Compared", metric: "Metric") -> None:
    """Print a comparison: which models, sentences, tables."""
    from compression_ops.onnx_model.layers import noise
    from compression_ops.report.comparison import tables

    if compared.comparison is None:
        console.say((f"{compared.first.asset} and {compared.second.asset} are the same model", "bold"))
        console.say((compared.first.words, "dim"))
        return
    for letter, found in (("A", compared.first), ("B", compared.second)):
        console.say((f"{letter}: {found.asset}", "bold"), (found.words.removeprefix(found.asset), "dim"))
    for words in tables.sentences(compared.comparison, metric):
        console.say(words)
    lossy = noise.sentence(compared.layers)
    if lossy:
        console.say(f"{lossy}.")
    for words in compared.notes:
        console.say((words, "dim"))
    _tables(console, compared, metric)


def _tables(console: Terminal, compared: "Compared", metric: "Metric") -> None:
    from compression_ops.report.comparison import tables

    assert compared.comparison is not None, "two models were compared"
    _table(console, tables.measures(compared.comparison, metric))
    if compared.comparison.flips:
        _table(console, tables.flips(compared.comparison, _SHOWN), names=("is", "A says", "B says"))
        _table(console, tables.classes(compared.comparison, _SHOWN), names=("said instead",))
    if compared.layers:
        _table(console, tables.layers(compared.layers, compared.layer_samples))


def _table(console: Terminal, table: "Table", names: Sequence[str] = ()) -> None:
    """names: the heads of columns that hold names, which are never left out."""
    console.print()
    first, *others = [
        Column(head, [row[index] for row in table.rows], right=index > 0 and head not in names, prose=head in names)
        for index, head in enumerate(table.heads)
    ]
    layout.show(console, first, others)
    console.say((table.note, "dim"))


def _json(recipe: str, compared: "Compared") -> dict[str, Any]:
    models = {"first": _origin(compared.first), "second": _origin(compared.second)}
    found = compared.comparison
    if found is None:
        return {"recipe": recipe, "same": True, **models}
    models["first"] |= _assessed(found.first)
    models["second"] |= _assessed(found.second)
    return {
        "recipe": recipe,
        "same": False,
        **models,
        "test_samples": found.samples,
        "accuracy_change_points": found.change.points,
        "accuracy_change_interval": list(found.interval),
        "only_first_right": found.change.only_reference_right,
        "only_second_right": found.change.only_model_right,
        "mcnemar_p_value": found.change.p_value,
        "class_averaged": {
            name: {"points": each.points, "interval": [each.low, each.high], "p_value": each.p_value}
            for name, each in found.change.class_averaged.items()
        },
        "flips": _flips(found),
        "classes": _classes(found),
        "layers": [
            {
                "layer": each.layer,
                "operator": each.operator,
                "stored": each.storage,
                "sqnr_db": each.decibels if math.isfinite(each.decibels) else None,
                "share_of_added_noise": each.share,
            }
            for each in compared.layers
        ],
        "notes": list(compared.notes),
        "warnings": list(compared.warnings),
    }


def _origin(found: "Found") -> dict[str, Any]:
    return {
        "asset": found.asset,
        "recipe": found.recipe,
        "digest": found.digest,
        "artifact": found.entry.artifact if found.entry else None,
        "mlflow_run_id": found.entry.run_id if found.entry and not found.entry.unrecorded else None,
    }


def _assessed(model: "Assessed") -> dict[str, Any]:
    quality = model.quality
    return {
        "test_accuracy": quality.accuracy.value,
        **{f"test_{name}": each.value for name, each in quality.class_averaged.items()},
        "expected_calibration_error": quality.expected_calibration_error,
        "negative_log_likelihood": model.negative_log_likelihood,
        "parameters": model.cost.parameters,
        "weight_bytes": model.cost.weight_bytes,
        "file_bytes": model.cost.file_bytes,
        "confusion": quality.confusion.tolist(),
    }


def _flips(found: "Comparison") -> list[dict[str, Any]]:
    def said(answer: "Answer") -> dict[str, Any]:
        return {"class": found.classes[answer.predicted], "probability": answer.probability}

    return [
        {
            "sample": flip.sample,
            "effect": flip.effect,
            "class": found.classes[flip.label],
            "first": said(flip.first),
            "second": said(flip.second),
        }
        for flip in found.flips
    ]


def _classes(found: "Comparison") -> list[dict[str, Any]]:
    return [
        {
            "class": found.classes[change.label],
            "samples": change.samples,
            "accuracy_change_points": change.points,
            "said_instead": {found.classes[other]: count for other, count in change.confusions},
        }
        for change in found.class_changes
    ]
