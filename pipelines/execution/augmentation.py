"""Before anything is computed on a data set: whether its samples allow what the recipe does to them."""

from collections.abc import Collection, Iterator
from pathlib import Path

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec
from pipelines.graph.asset import Asset
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file
from pipelines.recipe.error import Mistake, RecipeError, shown
from pipelines.recipe.location import locate


def check(pipeline: Pipeline, asset: Asset, dataset: Path | None, beside: Collection[str]) -> None:
    """Of an asset, and of those `beside` it that are made from it: so a teacher is not trained for views that can't be.

    dataset  the folder of the data set that they read, if any

    Raises RecipeError that names each parameter which the samples do not allow.
    """
    assets = pipeline.graph.assets
    made_from_it = [assets[name] for name in beside if asset.name in pipeline.graph.upstream(name)]
    found = {} if dataset is None else dict(_misfits([asset, *made_from_it], dataset))
    if found:
        mistakes = list(_mistakes(pipeline.file.path, found))
        raise RecipeError(recipe_file.displayed(pipeline.file.path), mistakes)


def _misfits(assets: Collection[Asset], dataset: Path) -> Iterator[tuple[str, tuple[Misfit, str]]]:
    """(path in the recipe, what does not fit which samples)."""
    from compression_ops.data.dataset import load_description

    for asset in assets:
        for path, augmentation in _augmentations(asset.parameters):
            description = load_description(dataset)
            samples = f"{description.modality.noun}, which are {'×'.join(map(str, description.shape))}"
            for misfit in augmentation.misfits(description):
                yield asset.recipe_path(f"{path}.{misfit.field}"), (misfit, samples)


def _augmentations(parameters: Spec, prefix: str = "") -> Iterator[tuple[str, Augmentation]]:
    """Wherever they stand among a stage's parameters: (path, parameters)."""
    for name in type(parameters).model_fields:
        value = getattr(parameters, name)
        if isinstance(value, Augmentation):
            yield f"{prefix}{name}", value
        elif isinstance(value, Spec):
            yield from _augmentations(value, f"{prefix}{name}.")


def _mistakes(file: Path, found: dict[str, tuple[Misfit, str]]) -> Iterator[Mistake]:
    attributes = recipe_file.attributes(file)
    for recipe_path, (misfit, samples) in found.items():
        path, line, value, _ = locate(attributes, recipe_path.split("."))
        yield Mistake(line, path, f"does not fit the {samples}", shown(value), misfit.allowed)
