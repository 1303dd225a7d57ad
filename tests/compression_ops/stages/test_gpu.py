"""The stages that train and label, on a CUDA GPU: as on the processor but for rounding, and the same bits twice."""

from pathlib import Path
from typing import Any

import pytest
import torch

from compression_ops.data.dataset import load_description, load_split
from compression_ops.data.sources import digits
from compression_ops.distillation.soft_labels import load_logits
from compression_ops.models.inference import logits
from compression_ops.models.network import load
from compression_ops.stages import control, dataset, soft_labels, student, teacher
from compression_ops.stages.stage import Context, StageResult

GPU = "cuda:0"
BUDGET: dict[str, Any] = {"epochs": 2, "batch_size": 64, "learning_rate": 0.003, "seed": 0}
AUGMENTATION = {"translate": 1.0, "rotate": 10.0}
VIEWS = {"views": 2, "augmentation": AUGMENTATION, "seed": 0}
TEACHER = {"architecture": "resnet", **BUDGET, "augmentation": AUGMENTATION}
STUDENT = {"architecture": "strided_cnn", **BUDGET, "loss": {"type": "kd"}}
CONTROL = {"architecture": "strided_cnn", **BUDGET, "views": VIEWS}

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A data set, and a teacher and its soft labels from the processor."""
    folders: dict[str, Path] = {}
    root = tmp_path_factory.mktemp("assets")
    source = digits.Digits(source="digits")
    raw = digits.locate(source, ())
    assert raw is not None
    stages = {
        "dataset": lambda context: dataset.run(source, {"raw_data": raw}, context),
        "teacher": lambda context: teacher.run(teacher.Teacher.model_validate(TEACHER), folders, context),
        "soft_labels": lambda context: soft_labels.run(soft_labels.SoftLabels.model_validate(VIEWS), folders, context),
    }
    for name, run in stages.items():
        folders[name] = root / name
        folders[name].mkdir()
        run(Context(folders[name]))
    return folders


def both(stage: Any, spec: Any, parameters: dict[str, Any], assets: dict[str, Path], folder: Path) -> list[StageResult]:
    """What a stage makes on the processor, on the GPU and there once more, in folders of these names."""
    results: list[StageResult] = []
    for name, device in (("cpu", "cpu"), ("gpu", GPU), ("again", GPU)):
        (folder / name).mkdir()
        results.append(stage.run(spec.model_validate(parameters), assets, Context(folder / name, device=device)))
    return results


@pytest.mark.parametrize(
    ("stage", "spec", "parameters"),
    [(teacher, teacher.Teacher, TEACHER), (student, student.Student, STUDENT), (control, control.Control, CONTROL)],
    ids=["teacher", "student", "control"],
)
def test_a_network_trains_on_a_gpu_as_on_the_processor(
    stage: Any, spec: Any, parameters: dict[str, Any], assets: dict[str, Path], tmp_path: Path
) -> None:
    cpu, gpu, again = both(stage, spec, parameters, assets, tmp_path)
    assert (cpu.device, gpu.device, gpu.threads) == ("cpu", GPU, None)
    assert gpu.warnings == cpu.warnings, "each operator is deterministic there"
    assert gpu.metrics == again.metrics
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("gpu", "again")]
    assert weights[0] == weights[1]
    assert gpu.history[0]["loss"] == pytest.approx(cpu.history[0]["loss"], rel=0.02)
    assert gpu.metrics["validation_accuracy"] == pytest.approx(cpu.metrics["validation_accuracy"], abs=0.05)


def test_a_teacher_labels_on_a_gpu_as_on_the_processor(assets: dict[str, Path], tmp_path: Path) -> None:
    cpu, gpu, _ = both(soft_labels, soft_labels.SoftLabels, VIEWS, assets, tmp_path)
    assert (cpu.device, gpu.device) == ("cpu", GPU)
    samples = len(load_split(assets["dataset"], "train"))
    for view in range(2):
        expected, found, again = (load_logits(tmp_path / n, view, samples, 10).float() for n in ("cpu", "gpu", "again"))
        assert (found - expected).abs().max() <= 2e-3 * (expected.max() - expected.min())
        assert torch.equal(found, again)


def test_a_network_evaluates_on_a_gpu_as_on_the_processor(assets: dict[str, Path]) -> None:
    description, validation = load_description(assets["dataset"]), load_split(assets["dataset"], "validation")
    model = load(assets["teacher"])
    expected = logits(model, validation.samples, description)
    found = logits(model.to(GPU), validation.samples, description)
    assert found.device == expected.device
    assert (found - expected).abs().max() <= 2e-3 * (expected.max() - expected.min())
