"""Every model runs as a session on the test split alone; its numbers are repeated byte for byte, and reported."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from compression_ops.data.dataset import load_description, load_split, normalize
from compression_ops.errors import CompressionError, ModelError
from compression_ops.models.network import Network, build, load, save
from compression_ops.onnx_model import raw_samples
from compression_ops.onnx_model.export import export_saved
from compression_ops.progress import Progress, ProgressCallback, silent
from compression_ops.report import files as report_files
from compression_ops.stages import benchmark_report, measurements
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import families, small_data

PARENTS: dict[str, str | None] = {
    "teacher": None,
    "student/small": "teacher",
    "control/small": "student/small",
    "quantized_student/int8": "student/small",
}
FACTORIES = {"teacher": "network", "student/small": "linear", "control/small": "linear"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A data set without all but the test split, untrained float models, and an ONNX file with rounded weights."""
    root = tmp_path_factory.mktemp("inputs")
    folders = {name: root / name.replace("/", "_") for name in ("dataset", *PARENTS)}
    small_data.artifact(folders["dataset"])
    for split in ("train", "validation"):
        (folders["dataset"] / f"{split}.safetensors").unlink()
    for seed, (name, factory) in enumerate(FACTORIES.items()):
        torch.manual_seed(seed)
        network = Network(f"{small_data.__name__}:{factory}", small_data.SHAPE, small_data.CLASSES)
        folders[name].mkdir()
        save(folders[name], network, build(network).eval())
    folders["quantized_student/int8"].mkdir()
    described = load_description(folders["dataset"])
    small = raw_samples.normalizing(rounded(export_saved(folders["student/small"])), described)
    onnx.save(small, folders["quantized_student/int8"] / "model.onnx")
    return folders


def rounded(model: onnx.ModelProto) -> onnx.ModelProto:
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(np.round(values, 1), tensor.name))
    return model


def run(
    inputs: dict[str, Path], output: Path, progress: ProgressCallback = silent, **changes: Any
) -> tuple[Path, StageResult]:
    output.mkdir()
    measured = {"batch_sizes": [1, 4], "threads": 1, "iterations": 20, "warmup": 2}
    parents = changes.pop("models", PARENTS)
    parameters = measurements.Measurements(**measured, models=families.family(parents), **changes)
    return output, measurements.run(parameters, inputs, Context(output, progress))


def report(measured: Path, output: Path) -> StageResult:
    """The report of a folder of measurements."""
    output.mkdir()
    parameters = benchmark_report.BenchmarkReport(max_accuracy_drop=100.0, min_compression=1000.0)
    return benchmark_report.run(parameters, {"measurements": measured}, Context(output))


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    """What the stage told of its progress when `finished` ran."""
    return []


@pytest.fixture(scope="module")
def finished(
    inputs: dict[str, Path], told: list[Progress], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, StageResult]:
    return run(inputs, tmp_path_factory.mktemp("first") / "out", told.append)


def test_accuracy_is_that_of_the_network_on_the_test_split(
    inputs: dict[str, Path], finished: tuple[Path, StageResult]
) -> None:
    test = load_split(inputs["dataset"], "test")
    images = normalize(test.samples, load_description(inputs["dataset"]))
    for name in FACTORIES:
        with torch.no_grad():
            right = load(inputs[name])(images).argmax(dim=1) == test.labels
        assert finished[1].metrics[f"{name}.test_accuracy"] == pytest.approx(right.double().mean().item())


def test_two_runs_differ_in_the_files_declared_volatile_alone(
    inputs: dict[str, Path], finished: tuple[Path, StageResult], tmp_path: Path
) -> None:
    first, second = finished, run(inputs, tmp_path / "out", models=dict(sorted(PARENTS.items())))
    written = {file.name for file in first[0].iterdir()}
    assert written == {"measurements.json", "flipped.safetensors", "timings.json"}
    assert first[1].volatile == second[1].volatile == {"timings.json"}
    for name in ("measurements.json", "flipped.safetensors"):
        assert (first[0] / name).read_bytes() == (second[0] / name).read_bytes()


def test_two_reports_of_equal_measurements_differ_in_latencies_alone(
    inputs: dict[str, Path], finished: tuple[Path, StageResult], tmp_path: Path
) -> None:
    again, _ = run(inputs, tmp_path / "again")
    first, second = (report(folder, tmp_path / name) for folder, name in ((finished[0], "a"), (again, "b")))
    written = {file.name for file in (tmp_path / "a").iterdir()}
    assert written == {"report.json", "report.parquet", "report.md", "report.html"}
    assert first.volatile == second.volatile == written - {"report.json"}
    assert (tmp_path / "a" / "report.json").read_bytes() == (tmp_path / "b" / "report.json").read_bytes()


def test_every_model_has_cost_latency_memory_and_its_place_in_the_frame(
    inputs: dict[str, Path], finished: tuple[Path, StageResult], tmp_path: Path
) -> None:
    report(finished[0], tmp_path / "out")
    table = report_files.read_frame(tmp_path / "out").set_index("model")
    assert list(table.index) == list(PARENTS)
    assert table.loc["student/small", "parameters"] == 64 * 3 + 3
    assert table.loc["student/small", "macs"] == 64 * 3
    file = inputs["quantized_student/int8"] / "model.onnx"
    assert table.loc["quantized_student/int8", "file_bytes"] == file.stat().st_size
    for column in ("latency_p50_us_batch1", "latency_p99_us_batch4", "peak_memory_bytes"):
        assert (table[column] > 0).all()
    for column in ("latency_p50_us_batch1", "test_accuracy"):
        assert table.loc["teacher", column] == finished[1].metrics[f"teacher.{column}"], "the numbers that gates judge"


def test_a_quantized_student_beyond_its_limits_is_a_warning(finished: tuple[Path, StageResult], tmp_path: Path) -> None:
    result = report(finished[0], tmp_path / "out")
    (warning,) = (words for words in result.warnings if "limits" in words)
    assert warning.startswith("quantized_student/int8 fails its limits. ")
    assert "at least 1000× asked, so this fails" in warning
    assert next(iter(result.metrics)) == "quantized_student/int8.test_accuracy"
    verdict = report_files.read_content(tmp_path / "out")["models"]["quantized_student/int8"]["verdict"]
    assert verdict["passed"] is False


def test_progress_runs_to_its_total_and_tells_each_models_accuracy(
    finished: tuple[Path, StageResult], told: list[Progress]
) -> None:
    assert finished
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert told[-1].done == told[-1].total
    assert {progress.description for progress in told if progress.metrics} == set(PARENTS)


def test_a_model_that_the_stage_was_not_given_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(CompressionError, match="student/large cannot be measured"):
        run(inputs, tmp_path / "out", models={**PARENTS, "student/large": "teacher"})


def test_a_model_whose_logits_are_not_finite_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    diverged = tmp_path / "diverged"
    shutil.copytree(inputs["teacher"], diverged)
    network = Network(f"{small_data.__name__}:network", small_data.SHAPE, small_data.CLASSES)
    model = load(diverged)
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    save(diverged, network, model)
    with pytest.raises(ModelError, match="teacher: logits of 48 of 48 test samples are not finite"):
        run({**inputs, "teacher": diverged}, tmp_path / "out", models={"teacher": None})


def test_a_file_that_is_no_onnx_model_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"model\.onnx"):
        run({**inputs, "quantized_student/int8": tmp_path / "broken"}, tmp_path / "out")
