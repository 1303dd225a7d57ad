"""The stage turns a student into an integer model that is checked, measured and the same each time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from compression_ops.data import dataset
from compression_ops.data.dataset import Description, Split
from compression_ops.errors import DataError, ModelError
from compression_ops.models.network import Network, save
from compression_ops.onnx_model import session as onnx_session
from compression_ops.progress import Progress
from compression_ops.quantization import student as quantization
from compression_ops.stages import quantized_student
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import random_networks
from tests.compression_ops.random_networks import CLASSES, SHAPE

PARAMETERS: dict[str, Any] = {
    "weight_bits": 8,
    "activation_bits": 8,
    "per_channel": True,
    "reduce_range": True,
    "calibration": {"method": "minmax", "samples": 20},
}


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return random_networks.Small()


class Noisy(random_networks.Small):
    """Computes something else under export than in torch."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + (1.0 if torch.onnx.is_in_onnx_export() else 0.0)


def build_noisy(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return Noisy()


def write_dataset(folder: Path, validation: int = 30) -> Path:
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    for name, count in (("train", 40), ("validation", validation), ("test", 10)):
        images = torch.randint(0, 256, (count, *SHAPE), dtype=torch.uint8, generator=generator)
        dataset.save_split(folder, name, Split(images, torch.arange(count) % CLASSES))
    dataset.save_description(folder, Description(tuple("abcde"), SHAPE, (0.5,), (0.29,)))
    return folder


def write_student(folder: Path, factory: str = "build") -> Path:
    folder.mkdir()
    network = Network(f"tests.compression_ops.stages.test_quantized_student:{factory}", SHAPE, CLASSES)
    save(folder, network, random_networks.small())
    return folder


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    return {"dataset": write_dataset(tmp_path / "dataset"), "student": write_student(tmp_path / "student")}


def compute(inputs: dict[str, Path], output: Path, **changes: Any) -> StageResult:
    output.mkdir()
    parameters = quantized_student.QuantizedStudent.model_validate(PARAMETERS | changes)
    return quantized_student.run(parameters, inputs, Context(output))


def normalized(images: Tensor, inputs: dict[str, Path]) -> Tensor:
    return dataset.normalize(images, dataset.load_description(inputs["dataset"]))


def test_the_model_runs_on_integers_and_is_close_to_the_float_student(inputs: dict[str, Path], tmp_path: Path) -> None:
    result = compute(inputs, tmp_path / "output")
    images = dataset.load_split(inputs["dataset"], "validation").samples
    with torch.no_grad():
        expected = random_networks.small()(normalized(images, inputs)).numpy()
    found = onnx_session.predict(onnx_session.open_session(tmp_path / "output" / "model.onnx"), images.numpy())
    assert np.abs(found - expected).max() < 0.05 * np.ptp(expected)
    assert result.metrics["integer_share"] == 1
    assert result.warnings == ()


def test_the_facts_are_those_of_the_files(inputs: dict[str, Path], tmp_path: Path) -> None:
    metrics = compute(inputs, tmp_path / "output").metrics
    facts = json.loads((tmp_path / "output" / "quantization.json").read_text())
    assert {name: facts[name] for name in metrics} == dict(metrics)
    assert metrics["file_bytes"] == (tmp_path / "output" / "model.onnx").stat().st_size
    assert metrics["float_file_bytes"] == len(random_networks.exported().SerializeToString())
    assert metrics["compression"] == pytest.approx(metrics["float_file_bytes"] / metrics["file_bytes"])
    assert 0 < metrics["export_error"] < 1e-4
    assert facts["integer_nodes"]["QLinearConv"] == 3
    assert facts["activation_ranges"]["input"][0] < 0 < facts["activation_ranges"]["input"][1]


def test_the_accuracies_are_those_of_the_two_models_on_the_validation_split(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    metrics = compute(inputs, tmp_path / "output").metrics
    split = dataset.load_split(inputs["dataset"], "validation")
    session = onnx_session.open_session(tmp_path / "output" / "model.onnx")
    quantized = onnx_session.predict(session, split.samples.numpy()).argmax(1)
    with torch.no_grad():
        floats = random_networks.small()(normalized(split.samples, inputs)).argmax(1)
    assert metrics["validation_accuracy"] == pytest.approx((quantized == split.labels.numpy()).mean())
    assert metrics["float_validation_accuracy"] == pytest.approx((floats == split.labels).double().mean().item())
    drop = 100 * (metrics["float_validation_accuracy"] - metrics["validation_accuracy"])
    assert metrics["accuracy_drop_points"] == pytest.approx(drop)


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile", "mse"])
def test_each_method_of_calibration_gives_the_same_files_twice(
    method: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        compute(inputs, tmp_path / name, calibration={"method": method, "samples": 20})
    for file in ("model.onnx", "quantization.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["model.onnx", "quantization.json"]


def test_four_bits_give_a_smaller_file(inputs: dict[str, Path], tmp_path: Path) -> None:
    eight = compute(inputs, tmp_path / "eight").metrics
    four = compute(inputs, tmp_path / "four", weight_bits=4).metrics
    assert four["file_bytes"] < 0.75 * eight["file_bytes"]
    assert four["integer_share"] == 1


@pytest.mark.parametrize("opset", [15, 21])
def test_three_bits_are_packed_give_a_smaller_file_and_say_so(
    opset: int, inputs: dict[str, Path], tmp_path: Path
) -> None:
    four = compute(inputs, tmp_path / "four", weight_bits=4, opset=opset).metrics
    three = compute(inputs, tmp_path / "three", weight_bits=3, opset=opset).metrics
    assert three["file_bytes"] < four["file_bytes"] + (600 if opset == 21 else 0)
    assert three["integer_share"] == four["integer_share"] == 1
    facts = json.loads((tmp_path / "three" / "quantization.json").read_text())
    assert set(facts["weight_storage"].values()) == {"packed in 3 bits"}


def test_more_samples_than_there_are_use_all_and_warn(inputs: dict[str, Path], tmp_path: Path) -> None:
    result = compute(inputs, tmp_path / "output", calibration={"method": "minmax", "samples": 1000})
    assert result.metrics["calibration_samples"] == 40
    assert result.warnings == ("calibration.samples is 1000, but the training split has 40: all of them were used",)


def test_calibration_sees_the_training_split_alone(inputs: dict[str, Path], tmp_path: Path) -> None:
    before = compute(inputs, tmp_path / "before")
    for name in ("validation", "test"):
        split = dataset.load_split(inputs["dataset"], name)
        dataset.save_split(inputs["dataset"], name, Split(255 - split.samples, split.labels))
    after = compute(inputs, tmp_path / "after")
    assert (tmp_path / "before" / "model.onnx").read_bytes() == (tmp_path / "after" / "model.onnx").read_bytes()
    assert before.metrics["largest_logit_change"] != after.metrics["largest_logit_change"]


def test_the_student_may_come_with_its_name(inputs: dict[str, Path], tmp_path: Path) -> None:
    compute(inputs, tmp_path / "one")
    compute({"dataset": inputs["dataset"], "student/small": inputs["student"]}, tmp_path / "two")
    assert (tmp_path / "one" / "model.onnx").read_bytes() == (tmp_path / "two" / "model.onnx").read_bytes()


def test_progress_ends_at_its_total(inputs: dict[str, Path], tmp_path: Path) -> None:
    seen: list[Progress] = []
    (tmp_path / "output").mkdir()
    parameters = quantized_student.QuantizedStudent.model_validate(PARAMETERS)
    quantized_student.run(parameters, inputs, Context(tmp_path / "output", seen.append))
    assert [step.done for step in seen] == [1, 2, 3, 4]
    assert {step.total for step in seen} == {4}
    assert seen[-1].metrics["validation_accuracy"] >= 0


def test_an_export_that_computes_something_else_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    changed = {"dataset": inputs["dataset"], "student": write_student(tmp_path / "noisy", "build_noisy")}
    with pytest.raises(ModelError, match=r"differs from the torch model by 1 .*at most"):
        compute(changed, tmp_path / "output")


def test_an_empty_validation_split_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    changed = {"dataset": write_dataset(tmp_path / "empty", validation=0), "student": inputs["student"]}
    with pytest.raises(DataError, match="validation split is empty"):
        compute(changed, tmp_path / "output")


def test_nodes_that_stay_float_are_told(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export_saved(folder: Path) -> onnx.ModelProto:
        model = random_networks.exported()
        for node in model.graph.node:
            if node.op_type == "Clip":
                node.op_type = "HardSwish"
                del node.input[1:]
        return model

    monkeypatch.setattr(quantization.export, "export_saved", export_saved)
    monkeypatch.setattr(quantization, "LARGEST_EXPORT_ERROR", 1e9)
    (warning,) = compute(inputs, tmp_path / "output").warnings
    assert "run in float" in warning
    assert "onnxruntime has no integer kernel" in warning


def test_a_loss_of_accuracy_is_told(inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "WORTH_A_WARNING", -100.0)
    (warning,) = compute(inputs, tmp_path / "output").warnings
    assert "points of validation accuracy" in warning


def test_the_model_is_written_in_the_opset_of_the_recipe_and_gives_the_same_logits(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    compute(inputs, tmp_path / "newest")
    compute(inputs, tmp_path / "older", opset=18)
    newest, older = (onnx.load(tmp_path / name / "model.onnx") for name in ("newest", "older"))
    assert [model.opset_import[0].version for model in (newest, older)] == [21, 18]
    assert (older.ir_version, newest.ir_version) == (8, 10)
    assert {each.key: each.value for each in older.metadata_props} == {
        each.key: each.value for each in newest.metadata_props
    }
    images = dataset.load_split(inputs["dataset"], "test").samples.numpy()
    logits = [
        onnx_session.predict(onnx_session.open_session(model.SerializeToString()), images) for model in (newest, older)
    ]
    np.testing.assert_array_equal(*logits)
