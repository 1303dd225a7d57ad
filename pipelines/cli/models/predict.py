"""`compression predict`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import out, print_json, warn
from pipelines.cli.terminal.layout import Column
from pipelines.recipe import file
from pipelines.state.home import Home

if TYPE_CHECKING:
    from compression_ops.onnx_model.prediction import Prediction


def command(
    recipe: Recipe,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files of any format Pillow reads.")],
    as_json: Json = False,
) -> None:
    """Classify images with the recipe's champion, read from MLflow's Model Registry.

    Ends with exit code 1, after the answers, if a file could not be read.
    """
    from compression_ops.onnx_model import prediction
    from pipelines.kinds.champion import model_folder
    from pipelines.lineage.registry import Registry
    from pipelines.state import home

    file.find(recipe)
    place = home.current()
    registry = Registry(place, recipe)
    champion = registry.champion()
    if champion is None:
        raise CompressionError(_no_champion(recipe, place))
    folder = model_folder(place, recipe, registry, champion)
    predictions, unreadable = prediction.predict(folder / "model.onnx", images)
    if as_json:
        found = [_described(item) for item in predictions]
        causes = [{"image": str(item.image), "cause": item.cause} for item in unreadable]
        print_json(
            {
                "recipe": recipe,
                "version": champion.number,
                "digest": champion.digest,
                "predictions": found,
                "unreadable": causes,
            }
        )
    elif predictions:
        _show(
            predictions, f"by version {champion.number} of {recipe} ({champion.asset}, digest {champion.digest[:12]})"
        )
    for item in predictions:
        if item.fault is not None:
            warn(f"{item.image}: {_stored_as_is(item.fault)}")
    if unreadable:
        causes = "\n  ".join(item.cause for item in unreadable)
        raise CompressionError(f"{len(unreadable)} of {len(images)} files could not be read\n  {causes}")


def _described(prediction: "Prediction") -> dict[str, Any]:
    described = {
        "image": str(prediction.image),
        "label": prediction.label,
        "probabilities": prediction.probabilities,
    }
    return described if prediction.fault is None else {**described, "warning": _stored_as_is(prediction.fault)}


def _stored_as_is(fault: str) -> str:
    return f"metadata cannot be read ({fault}); the pixels were taken as they are stored, not turned upright"


def _show(predictions: "Sequence[Prediction]", by: str) -> None:
    layout.show(
        out,
        Column("image", [str(item.image) for item in predictions], right=False),
        [
            Column("label", [item.label for item in predictions], right=False, prose=True),
            Column("probability", [f"{item.probability:.1%}" for item in predictions]),
        ],
    )
    out.say((by, "dim"))


def _no_champion(recipe: str, place: Home) -> str:
    """Why there is none, and what to do."""
    from pipelines.kinds import champion
    from pipelines.state.artifacts import ArtifactStore, ArtifactUnavailable
    from pipelines.state.history import History

    decided = History(place.history).latest(recipe, "champion")
    if decided is None:
        return (
            f"recipe {recipe!r} has no champion yet\n  run `compression run {recipe}`: it promotes the best quantized "
            "student that passes every gate"
        )
    try:
        words = champion.told(ArtifactStore(place.store_url, place.root / "cache").fetch(decided.artifact))
    except ArtifactUnavailable as fault:
        words = str(fault)
    return (
        f"the MLflow in use knows no champion of recipe {recipe!r}. What was decided last: {words}\n"
        f"  if one was promoted, set MLFLOW_TRACKING_URI to the MLflow that has it, or give a version there the "
        f"alias `champion`; `compression run {recipe}` decides anew"
    )
