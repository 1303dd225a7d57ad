"""Runs every model as the onnxruntime session that a user would: on the test split, against the clock, for memory."""

import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from compression_ops.data.dataset import Description, Split, load_description, load_split
from compression_ops.errors import CompressionError
from compression_ops.evaluation import cost, family, latency, measurements, memory, processor, quality
from compression_ops.evaluation.comparison import showing
from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.decisions import explanation
from compression_ops.evaluation.family import Family
from compression_ops.evaluation.measurements import Cost, Measured, Measurements, Timings
from compression_ops.evaluation.targets import comparison
from compression_ops.evaluation.targets.derived import Derived
from compression_ops.onnx_model import chosen_widths, raw_samples
from compression_ops.onnx_model.export import export_saved
from compression_ops.onnx_model.layers import chosen_kernels, noise
from compression_ops.onnx_model.session import open_session, predict
from compression_ops.progress import Progress, ProgressCallback
from compression_ops.target import Predictor

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_CHUNK = 256
# The shares of the progress bar, in percent, at which each part of the work begins.
_PREDICT, _LATENCY, _MEMORY, _DONE = 10, 30, 90, 100
# A control is there to be compared with.
_ASKED = ("teacher", "student")
_NO_TARGETS: Mapping[str, Derived] = {}


@dataclass(frozen=True)
class Opened:
    """A model's file, which takes raw samples, what it costs, and the session over it."""

    file: Path
    cost: Cost
    session: "InferenceSession"


def measure(
    members: Family,
    conditions: Conditions,
    inputs: Mapping[str, Path],
    progress: ProgressCallback,
    targets: Mapping[str, Derived] = _NO_TARGETS,
) -> Measurements:
    """Measure a family of models on the test split of a data set, all of them as models that take uint8 pixels and
    normalize inside: so none is timed without work that another does. What repeats a model from another seed predicts
    alone: its size and its latency are the model's. A student or a teacher that can tell how it decides is asked.
    Of a target it is told on how many samples it answers otherwise than its model.

    inputs  `dataset`, every model of the family: a folder with `model.onnx`, or with a saved network; and every target

    Raises CompressionError for a family that cannot be, ModelError for a model that does not run or returns something
    other than finite logits.
    """
    _check(members, inputs)
    comparison.check(targets, members, inputs)
    description, test = load_description(inputs["dataset"]), load_split(inputs["dataset"], "test")
    with tempfile.TemporaryDirectory() as scratch:
        names, repeated = family.order(members), [name for name in members if members[name].repeats is not None]
        every = _open([*names, *repeated], inputs, Path(scratch), description, conditions.threads, progress)
        logits = predict_all(every, test, len(description.classes), progress)
        models = {name: every[name] for name in names}
        costs = {name: model.cost for name, model in models.items()}
        compared = measurements.compare(members, logits, test.labels.numpy(), costs)
        compared = tuple(_with_layers(each, inputs[each.name]) for each in compared)
        _tell_accuracies(compared, progress)
        asked = {name: inputs[name] for name in names if members[name].role in _ASKED}
        decisions, warnings = explanation.explain(asked, logits, test, description)
        flips, more = showing.find(members, inputs, {name: logits[name] for name in names}, test, description)
        predictors = comparison.opened(targets, inputs, conditions.threads)
        agreements = comparison.compare(targets, predictors, inputs, test.samples.numpy(), logits)
        measured = _measure_latency(models, comparison.timed(targets, predictors), test, conditions, progress)
        progress(Progress("measuring peak memory", _MEMORY, _DONE))
        files = [model.file for model in models.values()]
        peaks = memory.measure(files, description.shape, max(conditions.sizes), conditions.threads)
        footprints = comparison.footprints(targets, inputs, test.samples[:1].numpy())
    memories = dict(zip(models, peaks, strict=True))
    kernels = {name: chosen for name in names if (chosen := chosen_kernels.of_folder(inputs[name])) is not None}
    timings = Timings(processor.detect(), onnxruntime.__version__, measured, memories, footprints, kernels)
    progress(Progress("measured", _DONE, _DONE))
    return Measurements(
        description.classes,
        len(test),
        compared,
        conditions,
        timings,
        decisions,
        (*warnings, *more),
        agreements,
        flips,
    )


def _check(members: Family, inputs: Mapping[str, Path]) -> None:
    family.check(members)
    if missing := sorted(members.keys() - inputs.keys()):
        raise CompressionError(
            f"models: {', '.join(missing)} cannot be measured: the inputs of the stage are {', '.join(sorted(inputs))}"
        )


def _open(
    names: list[str],
    inputs: Mapping[str, Path],
    scratch: Path,
    description: Description,
    threads: int,
    progress: ProgressCallback,
) -> dict[str, Opened]:
    models: dict[str, Opened] = {}
    for position, name in enumerate(names):
        progress(Progress(f"opening {name}", _PREDICT * position // len(names), _DONE))
        file = taking_raw(inputs[name], scratch / f"{name.replace('/', '-')}.onnx", description)
        session = open_session(file, threads)
        models[name] = Opened(file, cost.measure(file), session)
    return models


def taking_raw(folder: Path, scratch: Path, description: Description) -> Path:
    """The folder's model itself where it takes raw samples; else one that does, in the file `scratch`."""
    file = folder / "model.onnx"
    if file.exists() and raw_samples.takes_raw(open_session(file), description):
        return file
    model = onnx.load(file) if file.exists() else export_saved(folder)
    scratch.write_bytes(raw_samples.normalizing(model, description).SerializeToString(deterministic=True))
    return scratch


def predict_all(
    models: Mapping[str, Opened], test: Split, classes: int, progress: ProgressCallback
) -> dict[str, NDArray[np.float32]]:
    """Logits of all test samples, float32 [N, classes] of each model.

    Chunks have a fixed size, so that the number of cores has no say in the numbers.
    """
    starts = range(0, len(test), _CHUNK)

    def predict_chunk(start: int) -> list[NDArray[np.float32]]:
        batch = test.samples[start : start + _CHUNK].numpy()
        return [predict(model.session, batch, _CHUNK) for model in models.values()]

    chunks: list[list[NDArray[np.float32]]] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for chunk in pool.map(predict_chunk, starts):
            chunks.append(chunk)
            share = (_LATENCY - _PREDICT) * len(chunks) // len(starts)
            progress(Progress("predicting the test split", _PREDICT + share, _DONE))
    logits = {name: np.concatenate(parts) for name, parts in zip(models, zip(*chunks, strict=True), strict=True)}
    for name, values in logits.items():
        quality.check_logits(name, values, len(test), classes)
    return logits


def _with_layers(model: Measured, folder: Path) -> Measured:
    """With what its artifact tells of its layers."""
    return replace(model, widths=chosen_widths.of_folder(folder), noise=noise.of_folder(folder))


def _tell_accuracies(models: tuple[Measured, ...], progress: ProgressCallback) -> None:
    for model in models:
        progress(Progress(model.name, _LATENCY, _DONE, {"test_accuracy": model.quality.accuracy.value}))


def _measure_latency(
    models: Mapping[str, Opened],
    targets: Mapping[str, Predictor],
    test: Split,
    conditions: Conditions,
    progress: ProgressCallback,
) -> dict[tuple[str, int], latency.Latency]:
    images = test.samples[: max(conditions.sizes)].numpy()

    def tell(done: int, total: int) -> None:
        progress(Progress("measuring latency", _LATENCY + (_MEMORY - _LATENCY) * done // total, _DONE))

    sessions = {name: model.session for name, model in models.items()}
    return latency.measure(sessions, images, conditions.sizes, conditions.iterations, conditions.warmup, tell, targets)
