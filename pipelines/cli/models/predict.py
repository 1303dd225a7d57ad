"""`compression predict`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compression_ops.data.file_names import listed
from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import out, print_json, warn
from pipelines.cli.terminal.layout import Column
from pipelines.recipe import file

if TYPE_CHECKING:
    from compression_ops.onnx_model.prediction import Prediction

_WARNED = 20


def command(
    recipe: Recipe,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Images of any format Pillow reads; or tables, recordings, texts: as the recipe's. `-` is a pipe.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Classify files with the recipe's champion, read from MLflow's Model Registry.

    Ends with exit code 1, after the answers, if a file could not be read.
    """
    from compression_ops.onnx_model import prediction
    from pipelines.commands import champion
    from pipelines.state import home

    file.find(recipe)
    version, folder = champion.in_use(home.current(), recipe)
    answers = prediction.predict(folder / "model.onnx", files)
    predictions, unreadable = answers.predictions, answers.unreadable
    if as_json:
        found = [_described(item, answers.one) for item in predictions]
        causes = [{answers.one: str(item.file), "cause": item.cause} for item in unreadable]
        print_json(
            {
                "recipe": recipe,
                "version": version.number,
                "digest": version.digest,
                "predictions": found,
                "unreadable": causes,
            }
        )
    elif predictions:
        _show(predictions, answers.one, f"by {champion.in_words(version, recipe)}")
    _warn(predictions)
    if unreadable:
        causes = "\n  ".join(item.cause for item in unreadable)
        raise CompressionError(f"{len(unreadable)} of {len(files)} files could not be read\n  {causes}")


def _described(prediction: "Prediction", one: str) -> dict[str, Any]:
    described = {
        one: prediction.sample,
        "label": prediction.label,
        "probabilities": prediction.probabilities,
    }
    return described if prediction.fault is None else {**described, "warning": prediction.fault}


def _warn(predictions: "Sequence[Prediction]") -> None:
    """Each fault once, however many samples have it."""
    faults = dict[str, list[str]]()
    for item in predictions:
        if item.fault is not None:
            faults.setdefault(item.fault, []).append(item.sample)
    for fault, samples in list(faults.items())[:_WARNED]:
        warn(f"{listed(samples)}: {fault}")
    if len(faults) > _WARNED:
        warn(f"{len(faults) - _WARNED:,} more such warnings; `--json` tells them sample by sample")


def _show(predictions: "Sequence[Prediction]", one: str, by: str) -> None:
    layout.show(
        out,
        Column(one, [item.sample for item in predictions], right=False),
        [
            Column("label", [item.label for item in predictions], right=False, prose=True),
            Column("probability", [f"{item.probability:.1%}" for item in predictions]),
        ],
    )
    out.say((by, "dim"))
