"""Stage: every model as the onnxruntime session that a user would run, on the test split, which nothing else reads."""

import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from compression_ops.data.dataset import Description, Split, load_description, load_split, normalize
from compression_ops.errors import CompressionError
from compression_ops.evaluation import cost as model_cost
from compression_ops.evaluation import latency, processor, quality
from compression_ops.evaluation import memory as peak_memory
from compression_ops.evaluation.cost import Cost
from compression_ops.onnx_model.export import export_saved
from compression_ops.onnx_model.session import open_session, predict
from compression_ops.progress import Progress, ProgressCallback
from compression_ops.report import family
from compression_ops.report import files as report_files
from compression_ops.report import html as report_html
from compression_ops.report import json_file as report_json
from compression_ops.report import markdown as report_markdown
from compression_ops.report import table as report_table
from compression_ops.report.contents import Conditions, ModelReport, Report, compile_models, recommended
from compression_ops.stages.stage import StageResult

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_VOLATILE = frozenset({report_files.FRAME, report_files.MARKDOWN, report_files.PAGE})
_CHUNK = 256
# The shares of the progress bar, in percent, at which each part of the work begins.
_PREDICT, _LATENCY, _MEMORY, _WRITE, _DONE = 10, 30, 90, 95, 100


@dataclass(frozen=True)
class _Model:
    file: Path
    cost: Cost
    session: "InferenceSession"


def run(
    parameters: Mapping[str, Any], inputs: Mapping[str, Path], output: Path, progress: ProgressCallback
) -> StageResult:
    """Write `report.json`, and the volatile `report.parquet`, `report.md` and `report.html`.

    parameters  batch_sizes, threads, iterations, warmup, max_accuracy_drop (points), min_compression (ratio of file
                bytes) and models, {asset name: the name of the model it is compared with, null for a teacher}
    inputs      `dataset` and every asset of `models`: a folder with `model.onnx`, or with a saved network

    A quantized student that fails its limits is a warning, not an error. Raises CompressionError for a lineage of
    models that cannot be, ModelError for a model that does not run or returns something other than finite logits.
    """
    parents: Mapping[str, str | None] = parameters["models"]
    _check(parents, inputs)
    conditions = _conditions(parameters)
    description, test = load_description(inputs["dataset"]), load_split(inputs["dataset"], "test")
    with tempfile.TemporaryDirectory() as scratch:
        models = _open(family.order(parents), inputs, Path(scratch), conditions.threads, progress)
        logits = _predict(models, test, description, progress)
        labels = test.labels.numpy()
        costs = {name: model.cost for name, model in models.items()}
        limits = (conditions.max_accuracy_drop, conditions.min_compression)
        judged = compile_models(parents, logits, labels, costs, *limits)
        _tell_accuracies(judged, progress)
        measured = _measure_latency(models, test, description, conditions, progress)
        progress(Progress("measuring peak memory", _MEMORY, _DONE))
        files = [model.file for model in models.values()]
        memory = peak_memory.measure(files, description.shape, max(conditions.batch_sizes), conditions.threads)
    progress(Progress("writing the report", _WRITE, _DONE))
    peaks = dict(zip(models, memory, strict=True))
    report = Report(description.classes, len(labels), judged, conditions, measured, peaks)
    result = _write(report, output)
    progress(Progress("report written", _DONE, _DONE))
    return result


def _check(parents: Mapping[str, str | None], inputs: Mapping[str, Path]) -> None:
    family.check(parents)
    if missing := sorted(parents.keys() - inputs.keys()):
        raise CompressionError(
            f"models: {', '.join(missing)} cannot be measured: the inputs of the report are {', '.join(sorted(inputs))}"
        )


def _conditions(parameters: Mapping[str, Any]) -> Conditions:
    return Conditions(
        processor=processor.detect(),
        onnxruntime=onnxruntime.__version__,
        batch_sizes=tuple(dict.fromkeys(parameters["batch_sizes"])),
        threads=parameters["threads"],
        iterations=parameters["iterations"],
        warmup=parameters["warmup"],
        max_accuracy_drop=parameters["max_accuracy_drop"],
        min_compression=parameters["min_compression"],
    )


def _open(
    names: list[str], inputs: Mapping[str, Path], scratch: Path, threads: int, progress: ProgressCallback
) -> dict[str, _Model]:
    models: dict[str, _Model] = {}
    for position, name in enumerate(names):
        progress(Progress(f"opening {name}", _PREDICT * position // len(names), _DONE))
        file = inputs[name] / "model.onnx"
        if not file.exists():
            file = scratch / f"{name.replace('/', '-')}.onnx"
            file.write_bytes(export_saved(inputs[name]).SerializeToString(deterministic=True))
        session = open_session(file, threads)
        models[name] = _Model(file, model_cost.measure(file), session)
    return models


def _predict(
    models: Mapping[str, _Model], test: Split, description: Description, progress: ProgressCallback
) -> dict[str, NDArray[np.float32]]:
    """Logits of all test samples. Chunks have a fixed size, so that the number of cores has no say in the numbers."""
    starts = range(0, len(test), _CHUNK)

    def predict_chunk(start: int) -> list[NDArray[np.float32]]:
        batch = normalize(test.images[start : start + _CHUNK], description).numpy()
        return [predict(model.session, batch, _CHUNK) for model in models.values()]

    chunks: list[list[NDArray[np.float32]]] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for chunk in pool.map(predict_chunk, starts):
            chunks.append(chunk)
            share = (_LATENCY - _PREDICT) * len(chunks) // len(starts)
            progress(Progress("predicting the test split", _PREDICT + share, _DONE))
    logits = {name: np.concatenate(parts) for name, parts in zip(models, zip(*chunks, strict=True), strict=True)}
    for name, values in logits.items():
        quality.check_logits(name, values, len(test), len(description.classes))
    return logits


def _tell_accuracies(models: tuple[ModelReport, ...], progress: ProgressCallback) -> None:
    for model in models:
        progress(Progress(model.name, _LATENCY, _DONE, {"test_accuracy": model.quality.accuracy.value}))


def _measure_latency(
    models: Mapping[str, _Model],
    test: Split,
    description: Description,
    conditions: Conditions,
    progress: ProgressCallback,
) -> dict[tuple[str, int], latency.Latency]:
    images = normalize(test.images[: max(conditions.batch_sizes)], description).numpy()

    def tell(done: int, total: int) -> None:
        progress(Progress("measuring latency", _LATENCY + (_MEMORY - _LATENCY) * done // total, _DONE))

    sessions = {name: model.session for name, model in models.items()}
    return latency.measure(sessions, images, conditions.batch_sizes, conditions.iterations, conditions.warmup, tell)


def _write(report: Report, output: Path) -> StageResult:
    report_json.write(report, output)
    report_table.write(report, output)
    report_markdown.write(report, output)
    report_html.write(report, output)
    return StageResult(
        metrics=report_table.metrics(report_table.frame(report), recommended(report.models).name),
        warnings=tuple(
            f"{model.name} fails its limits. {model.verdict.words}"
            for model in report.models
            if model.verdict is not None and not model.verdict.passed
        ),
        volatile=_VOLATILE,
    )
