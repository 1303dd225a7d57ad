"""The stage with `method: {type: lsq}`: a student goes on learning as the integer model that is shipped."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from compression_ops.data.dataset import load_split
from compression_ops.errors import DataError, ModelError
from compression_ops.onnx_model import session
from compression_ops.progress import Progress, silent
from compression_ops.quantization.simulation.graph import Simulation
from compression_ops.stages import quantized_student, soft_labels, student, teacher
from compression_ops.stages.soft_labels import SoftLabels
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import small_data
from tests.compression_ops.stages import test_training as trained

LSQ: dict[str, Any] = {
    "type": "lsq",
    "epochs": 3,
    "batch_size": 24,
    "learning_rate": 0.003,
    "loss": {"type": "kd", "temperature": 3.0, "alpha": 0.8},
}
PARAMETERS: dict[str, Any] = {"weight_bits": 4, "calibration": {"method": "minmax", "samples": 64}}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("assets")
    folders = {"dataset": small_data.artifact(root / "dataset")}
    stages: tuple[tuple[str, Any, dict[str, Any]], ...] = (
        ("teacher", teacher, trained.TEACHER),
        ("soft_labels", soft_labels, trained.VIEWS),
        ("student", student, trained.STUDENT),
    )
    for name, stage, parameters in stages:
        folders[name] = root / name
        trained.run(stage, parameters, {k: v for k, v in folders.items() if k != name}, folders[name])
    return {name: folders[name] for name in ("dataset", "soft_labels", "student")}


def compute(inputs: dict[str, Path], output: Path, seen: list[Progress] | None = None, **method: Any) -> StageResult:
    output.mkdir()
    stated = PARAMETERS | ({"method": LSQ | method} if method.pop("learns", True) else {})
    parameters = quantized_student.QuantizedStudent.model_validate(stated)
    told = silent if seen is None else seen.append
    return quantized_student.run(parameters, inputs, Context(output, told))


def test_the_shipped_model_is_the_simulation_that_was_trained(inputs: dict[str, Path], tmp_path: Path) -> None:
    result = compute(inputs, tmp_path / "learned")
    split = load_split(inputs["dataset"], "validation")
    running = session.open_session(tmp_path / "learned" / "model.onnx")
    accuracy = (session.predict(running, split.samples.numpy()).argmax(1) == split.labels.numpy()).mean()
    assert result.metrics["validation_accuracy"] == accuracy
    assert result.metrics["simulated_validation_accuracy"] == pytest.approx(accuracy, abs=0.001)
    assert result.metrics["simulation_error"] < 1e-3
    assert result.metrics["integer_share"] == 1
    best = int(result.metrics["best_epoch"])
    assert result.history[best - 1]["validation_accuracy"] == result.metrics["simulated_validation_accuracy"]
    assert result.threads == 1
    facts = json.loads((tmp_path / "learned" / "quantization.json").read_text())
    assert {name: facts[name] for name in result.metrics} == dict(result.metrics)


# With 15 and 4 levels a value between two of them is the rarer, and the more it matters where it goes.
@pytest.mark.parametrize(
    "precision",
    [
        {"weight_bits": 2},
        {"weight_bits": 3},
        {"weight_bits": 4, "opset": 15},
        {"weight_bits": 8, "activation_bits": 4},
        {"weight_bits": 3, "activation_bits": 5, "per_channel": False, "equalization": True},
    ],
    ids=str,
)
def test_few_bits_are_learned_as_they_are_shipped_packed_and_on_integers(
    precision: dict[str, Any], inputs: dict[str, Path], tmp_path: Path
) -> None:
    output = tmp_path / "learned"
    output.mkdir()
    parameters = quantized_student.QuantizedStudent.model_validate(PARAMETERS | precision | {"method": LSQ})
    result = quantized_student.run(parameters, inputs, Context(output))
    found = result.metrics
    assert found["simulated_validation_accuracy"] == pytest.approx(found["validation_accuracy"], abs=0.001)
    assert found["integer_share"] == 1
    bits = precision["weight_bits"]
    facts = json.loads((output / "quantization.json").read_text())
    assert set(facts["weight_storage"].values()) == {f"packed in {bits} bits" if bits < 8 else "int8"}
    split = load_split(inputs["dataset"], "validation")
    watched = onnx.load(output / "model.onnx")
    stored = {name for node in watched.graph.node for name in node.output if name in facts["weight_storage"]}
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT8, None) for name in stored)
    levels = (2 ** precision.get("activation_bits", 8)) - 1
    read = {node.input[0] for node in watched.graph.node if node.op_type == "DequantizeLinear"}
    computed = sorted(read & {name for node in watched.graph.node for name in node.output} - stored)
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in computed)
    running = session.open_session(watched.SerializeToString())
    images = {running.get_inputs()[0].name: split.samples.numpy()}
    assert max(int(np.asarray(each).max()) for each in running.run(computed, images)) <= levels
    weights = running.run(sorted(stored), images) if stored else []
    assert bits == 8 or {int(np.abs(np.asarray(each)).max()) for each in weights} == {2 ** (bits - 1) - 1}


def test_a_shipped_model_that_is_not_its_simulation_warns(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Simulation.forward

    def another(self: Simulation, inputs: torch.Tensor) -> torch.Tensor:
        found = original(self, inputs)
        return found if self.training else found.roll(1, dims=1)

    monkeypatch.setattr(Simulation, "forward", another)
    result = compute(inputs, tmp_path / "learned")
    simulated, shipped = result.metrics["simulated_validation_accuracy"], result.metrics["validation_accuracy"]
    assert abs(simulated - shipped) > 0.1
    (told,) = [warning for warning in result.warnings if "simulation" in warning]
    assert f"{100 * shipped:.2f} %" in told
    assert f"{100 * simulated:.2f} %" in told


def test_its_course_is_told_as_a_students(inputs: dict[str, Path], tmp_path: Path) -> None:
    seen: list[Progress] = []
    result = compute(inputs, tmp_path / "learned", seen)
    told = [step.description for step in seen if step.metrics]
    assert told == ["epoch 1/3", "epoch 2/3", "epoch 3/3", "evaluate"]
    assert [set(epoch) for epoch in result.history] == [
        {"loss", "learning_rate", "validation_accuracy", "validation_loss", "seconds"}
    ] * 3


def test_the_same_training_gives_the_same_bytes_and_another_seed_others(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        compute(inputs, tmp_path / name, seed=seed)
    models = {name: (tmp_path / name / "model.onnx").read_bytes() for name in ("one", "two", "other")}
    assert models["one"] == models["two"] != models["other"]
    facts = [(tmp_path / name / "quantization.json").read_bytes() for name in ("one", "two")]
    assert facts[0] == facts[1]


def test_it_learns_from_the_stored_logits(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Other soft labels of the same views, other weights."""
    compute(inputs, tmp_path / "before")
    other = tmp_path / "other"
    trained.run(teacher, trained.TEACHER | {"seed": 8}, {"dataset": inputs["dataset"]}, tmp_path / "teacher")
    trained.run(soft_labels, trained.VIEWS, {"dataset": inputs["dataset"], "teacher": tmp_path / "teacher"}, other)
    compute(inputs | {"soft_labels": other}, tmp_path / "after")
    assert (tmp_path / "before" / "model.onnx").read_bytes() != (tmp_path / "after" / "model.onnx").read_bytes()


def test_the_calibrated_method_is_the_default_and_learns_nothing(inputs: dict[str, Path], tmp_path: Path) -> None:
    silent = {name: inputs[name] for name in ("dataset", "student")}
    absent = compute(silent, tmp_path / "absent", learns=False)
    (tmp_path / "stated").mkdir()
    stated = quantized_student.QuantizedStudent.model_validate(PARAMETERS | {"method": {"type": "calibrated"}})
    quantized_student.run(stated, silent, Context(tmp_path / "stated"))
    assert (tmp_path / "absent" / "model.onnx").read_bytes() == (tmp_path / "stated" / "model.onnx").read_bytes()
    assert absent.history == ()
    assert "best_epoch" not in absent.metrics


def test_soft_labels_of_other_data_are_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Compute the soft labels again"):
        compute(inputs | {"dataset": small_data.artifact(tmp_path / "dataset", samples=90)}, tmp_path / "learned")


def test_views_that_mix_are_refused_with_a_loss_that_cannot_read_them(inputs: dict[str, Path], tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    views = SoftLabels.model_validate({"views": 1, "augmentation": {"mixup": {"alpha": 0.2}}})
    trained.run(teacher, trained.TEACHER, {"dataset": inputs["dataset"]}, tmp_path / "teacher")
    soft_labels.run(views, {"dataset": inputs["dataset"], "teacher": tmp_path / "teacher"}, Context(mixed))
    with pytest.raises(ModelError, match="mixup mixes labels, and the loss DKD takes no mixed ones"):
        compute(inputs | {"soft_labels": mixed}, tmp_path / "learned", loss={"type": "dkd"})


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_training_lowers_the_loss(optimizer: str, inputs: dict[str, Path], tmp_path: Path) -> None:
    result = compute(inputs, tmp_path / "learned", optimizer=optimizer, epochs=6, warmup_epochs=0.0)
    losses = np.array([epoch["loss"] for epoch in result.history])
    assert losses[-2:].mean() < losses[0]
