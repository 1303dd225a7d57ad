"""`compression compare`: what changed between two models of any history, on the recipe's test split as it is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.data.dataset import Description, load_description
from compression_ops.errors import CompressionError
from pipelines.commands import model_reference
from pipelines.commands.model_reference import Found
from pipelines.pipeline import Pipeline
from pipelines.state.artifacts import ArtifactUnavailable
from pipelines.state.materialization import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from compression_ops.evaluation.comparison.comparison import Comparison, Model
    from compression_ops.onnx_model.layers.noise import LayerNoise
    from compression_ops.report.comparison.page import Attributions

_DATASET = "dataset"
_EXPLAINED = 24  # flipped samples of which the page says what each model looks at
_GUIDE = (
    f"A: and B: beside a sample (the first {_EXPLAINED}): what its pixels say for the model's answer, blue for and red "
    "against, by integrated gradients from a black image (Sundararajan et al. 2017)."
)


@dataclass(frozen=True)
class Compared:
    """What was found of two models.

    comparison       None where both are the same model
    dataset          the folder of the data that they were tested on
    models           both, as they were run
    layers           of the one that is the other's quantized form, over `layer_samples`; else ()
    notes, warnings  sentences that a user should read
    """

    first: Found
    second: Found
    dataset: Path
    comparison: "Comparison | None"
    models: "tuple[Model, ...]" = ()
    layers: "tuple[LayerNoise, ...]" = ()
    layer_samples: int = 0
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def compare(pipeline: Pipeline, first: str, second: str) -> Compared:
    """Find both models (see `model_reference.find`), run them on the recipe's test split, and say what changed.

    Raises CompressionError for models that are not there, of other classes or shapes than the data, or that do not run.
    """
    one, other = (model_reference.find(pipeline, asked) for asked in (first, second))
    source, dataset = _data(pipeline)
    if one.digest == other.digest:
        return Compared(one, other, dataset, None)
    models = [_model(pipeline, found, source, dataset, one.asset == other.asset) for found in (one, other)]

    from compression_ops.evaluation.comparison import comparison

    compared = comparison.compare(models[0], models[1], dataset)
    layers, samples, notes = _layers(models, (one, other), dataset)
    warnings = [warning for found in (one, other) for warning in _other_data(pipeline, found, source, dataset)]
    return Compared(
        one, other, dataset, compared, tuple(models), layers, samples, notes, tuple(dict.fromkeys(warnings))
    )


def write_page(pipeline: Pipeline, compared: Compared, file: Path) -> None:
    """The page of a comparison of two different models. Raises CompressionError where there is no such folder."""
    from compression_ops.data.dataset import load_arrays
    from compression_ops.report.comparison.page import DRAWN, Contents, page

    assert compared.comparison is not None, "of one model there is nothing to draw"
    values, _ = load_arrays(compared.dataset, "test")
    samples = [flip.sample for flip in compared.comparison.flips[:DRAWN]]
    attributions, notes = _saliency(compared, samples)
    contents = Contents(
        comparison=compared.comparison,
        metric=pipeline.file.recipe.metric,
        origins=(compared.first.words, compared.second.words),
        samples={sample: values[sample] for sample in samples},
        modality=load_description(compared.dataset).modality,
        layers=compared.layers,
        layer_samples=compared.layer_samples,
        attributions=attributions,
        notes=(*notes, *compared.notes),
        warnings=compared.warnings,
    )
    file.write_text(page(contents), encoding="utf-8")


def check_place(file: Path) -> None:
    """Raises CompressionError where no page can be written there: before anything is computed."""
    if file.is_dir() or not file.absolute().parent.is_dir():
        what = "is a folder" if file.is_dir() else f"lies in {file.parent}, which is no folder"
        raise CompressionError(f"{file} {what}\n  name a file in a folder that is there with --html")


def _data(pipeline: Pipeline) -> tuple[Source, Path]:
    """The recipe's data set as it was computed last."""
    entry = pipeline.latest(_DATASET)
    cure = f"run `compression run {pipeline.recipe} --select {_DATASET}` first"
    if entry is None:
        raise CompressionError(f"the data of recipe {pipeline.recipe!r} were never computed\n  {cure}")
    try:
        return Source(entry.digest, artifact=entry.artifact), pipeline.store.fetch(entry.artifact)
    except ArtifactUnavailable as fault:
        raise CompressionError(f"{_DATASET}: {fault}\n  {cure}") from fault


def _model(pipeline: Pipeline, found: Found, data: Source, dataset: Path, is_alike: bool) -> "Model":
    from compression_ops.evaluation.comparison.comparison import Model

    name = f"{found.asset} {found.digest[:12]}" if is_alike else found.asset
    return Model(name, found.folder, _description(pipeline, found, data, dataset))


def _description(pipeline: Pipeline, found: Found, data: Source, dataset: Path) -> Description:
    """Of the data that a model was made for, by which its samples are normalized."""
    own = _own_data(found)
    if own is not None and own.digest == data.digest:
        return load_description(dataset)
    if own is not None and (folder := pipeline.store.find(own.artifact)) is not None:
        return load_description(folder)
    if (found.folder / "model.onnx").exists():
        from compression_ops.onnx_model import metadata
        from compression_ops.onnx_model.session import open_session

        return metadata.read(open_session(found.folder / "model.onnx"), found.words).description
    raise CompressionError(
        f"the data that {found.words} was trained on are lost from the store, so nobody knows how its samples are "
        "normalized\n  compare the quantized student that was made of it, whose file says so, or train it anew"
    )


def _own_data(found: Found) -> Source | None:
    return None if found.entry is None else found.entry.inputs.get(_DATASET)


def _other_data(pipeline: Pipeline, found: Found, data: Source, dataset: Path) -> list[str]:
    """At most one warning: a model of other data may have been trained on what it is tested on here."""
    own = _own_data(found)
    if own is not None and own.digest == data.digest:
        return []
    if own is None:
        return [
            f"{found.words}: nothing here tells what it was trained on; it may have seen samples of this test split"
        ]
    folder = pipeline.store.find(own.artifact)
    said = f"{found.words} was trained on other data than the recipe's current ones (digest {own.digest[:12]})"
    if folder is None:
        return [f"{said}, which are lost from the store: it may have seen samples of this test split"]
    from compression_ops.evaluation.comparison.seen import seen

    known = seen(dataset, folder)
    if not known:
        return [f"{said}; none of this test split's samples is among those that it was trained or chosen on"]
    return [f"{said}: {known} samples of this test split are among those, so its accuracy here says too much"]


def _layers(
    models: "Sequence[Model]", found: tuple[Found, Found], dataset: Path
) -> "tuple[tuple[LayerNoise, ...], int, tuple[str, ...]]":
    """The noise of each layer where one model is the other's quantized form, over how many samples, and notes."""
    for floats, integers in ((0, 1), (1, 0)):
        entry = found[integers].entry
        if entry is None or found[floats].digest not in {source.digest for source in entry.inputs.values()}:
            continue
        if not (models[floats].folder / "model.json").exists() or not (models[integers].folder / "model.onnx").exists():
            continue  # a student that learned from the other one itself
        from compression_ops.data.dataset import load_arrays
        from compression_ops.quantization.layer_noise import signal_to_noise

        own = models[floats].description.modality
        samples = load_description(dataset).modality.translated(load_arrays(dataset, "test")[0], own)
        is_equalized = bool(entry.parameters.get("equalization", False))
        folders = models[floats].folder, models[integers].folder
        layers = signal_to_noise.of_folders(*folders, samples, models[floats].description, is_equalized)
        trained = any(name.partition("/")[0] == "soft_labels" for name in entry.inputs)
        note = (
            f"The weights of {models[integers].name} were trained further, so what its layers add holds what they "
            "learned, too."
        )
        return layers, signal_to_noise.samples(len(samples)), (note,) if trained and layers else ()
    return (), 0, ()


def _saliency(compared: Compared, samples: Sequence[int]) -> "tuple[Attributions, tuple[str, ...]]":
    """What each pixel of the first flipped samples says for the models' answers; and notes, on those of neither."""
    from compression_ops.data.dataset import load_split
    from compression_ops.errors import told
    from compression_ops.evaluation.comparison import saliency

    assert compared.comparison is not None, "there are flipped samples"
    explained = list(samples[:_EXPLAINED])
    images = load_split(compared.dataset, "test").samples[explained]
    modality = load_description(compared.dataset).modality
    if any(modality.picture(image) is None for image in images.numpy()):
        return {}, ()
    answers = {flip.sample: (flip.first.predicted, flip.second.predicted) for flip in compared.comparison.flips}
    found: dict[tuple[int, int], NDArray[np.float64]] = {}
    notes: list[str] = []
    for index, model in enumerate(compared.models if explained else ()):
        targets = [answers[sample][index] for sample in explained]
        try:
            network = saliency.open_network(model.folder)
            if network is None:
                notes.append(f"What {model.name} looks at is not drawn: it is an ONNX model, which gives no gradients.")
                continue
            drawn = saliency.attributions(network, images, targets, model.description)
        except Exception as error:  # noqa: BLE001  somebody's forward pass may fail in any way
            notes.append(f"What {model.name} looks at is not drawn: {told(error)}.")
        else:
            found |= {(sample, index): values for sample, values in zip(explained, drawn, strict=True)}
    return found, (*((_GUIDE,) if found else ()), *notes)
