import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from compression_ops.data.dataset import Description, load_split, normalize
from compression_ops.data.view import View
from compression_ops.data.views import Views
from compression_ops.models.network import load, load_network
from compression_ops.onnx_model import inference
from compression_ops.onnx_model.inference import Forward
from compression_ops.seeds import generator
from compression_ops.spec import Spec
from compression_ops.stages import control, soft_labels, student, teacher
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import small_data
from tests.compression_ops.data.every_augmentation import GREY_CASES

AUGMENTATION = {"translate": 1.0, "rotate": 10.0, "scale": 0.1, "shear": 0.0, "flip": False}
BUDGET = {"epochs": 4, "batch_size": 24, "learning_rate": 0.02, "weight_decay": 0.01, "seed": 3}
NETWORK = {"architecture": "tests.compression_ops.small_data:network"}
VIEWS = {"views": 2, "augmentation": AUGMENTATION, "seed": 9}
STUDENT: dict[str, Any] = NETWORK | BUDGET | {"loss": {"type": "kd", "temperature": 3.0, "alpha": 0.8}}
CONTROL: dict[str, Any] = NETWORK | BUDGET | {"views": VIEWS}
SPECS: dict[Any, type[Spec]] = {
    teacher: teacher.Teacher,
    soft_labels: soft_labels.SoftLabels,
    student: student.Student,
    control: control.Control,
}
TEACHER: dict[str, Any] = NETWORK | BUDGET | {"label_smoothing": 0.05, "augmentation": AUGMENTATION}

SPECS: dict[Any, type[Spec]] = {
    teacher: teacher.Teacher,
    soft_labels: soft_labels.SoftLabels,
    student: student.Student,
    control: control.Control,
}


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("assets")
    folders = {"dataset": small_data.artifact(root / "dataset")}
    for name, stage, parameters in (("teacher", teacher, TEACHER), ("soft_labels", soft_labels, VIEWS)):
        folders[name] = root / name
        folders[name].mkdir()
        stage.run(SPECS[stage].model_validate(parameters), folders, Context(folders[name]))
    return folders


def run(stage: Any, parameters: dict[str, Any], inputs: dict[str, Path], output: Path) -> StageResult:
    output.mkdir()
    return stage.run(SPECS[stage].model_validate(parameters), inputs, Context(output))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    ("stage", "parameters"), [(teacher, TEACHER), (student, STUDENT), (control, CONTROL)], ids=lambda x: ""
)
def test_a_training_stage_writes_the_same_bytes_twice(
    stage: Any, parameters: dict[str, Any], assets: dict[str, Path], tmp_path: Path
) -> None:
    first = run(stage, parameters, assets, tmp_path / "first")
    again = run(stage, parameters, assets, tmp_path / "again")
    assert content(tmp_path / "first") == content(tmp_path / "again")
    assert list(content(tmp_path / "first")) == ["model.json", "model.safetensors"]
    assert first.metrics == again.metrics
    assert next(iter(first.metrics)) == "validation_accuracy"
    assert first.volatile == frozenset()
    assert len(first.history) == 4


def test_the_stored_model_is_the_one_that_was_measured(assets: dict[str, Path], tmp_path: Path) -> None:
    result = run(student, STUDENT, assets, tmp_path / "student")
    model = load(tmp_path / "student")
    assert load_network(tmp_path / "student").classes == 3
    validation = load_split(assets["dataset"], "validation")
    logits = model(normalize(validation.samples, small_data.data().description))
    accuracy = (logits.argmax(1) == validation.labels).double().mean().item()
    assert result.metrics["validation_accuracy"] == pytest.approx(accuracy)


def test_no_training_stage_needs_the_test_split(assets: dict[str, Path], tmp_path: Path) -> None:
    blind = tmp_path / "dataset"
    shutil.copytree(assets["dataset"], blind)
    (blind / "test.safetensors").unlink()
    inputs = assets | {"dataset": blind}
    for name, stage, parameters in (("t", teacher, TEACHER), ("s", student, STUDENT), ("c", control, CONTROL)):
        run(stage, parameters, inputs, tmp_path / name)
    run(soft_labels, VIEWS, inputs, tmp_path / "l")


def test_the_control_needs_neither_the_teacher_nor_its_soft_labels(assets: dict[str, Path], tmp_path: Path) -> None:
    run(control, CONTROL, {"dataset": assets["dataset"]}, tmp_path / "control")


def test_a_student_that_ignores_its_teacher_is_its_control(assets: dict[str, Path], tmp_path: Path) -> None:
    """Same initial weights, order, views, budget: with α = 0 nothing is left that differs."""
    run(control, CONTROL, assets, tmp_path / "control")
    run(student, STUDENT | {"loss": {"type": "kd", "temperature": 3.0, "alpha": 0.0}}, assets, tmp_path / "student")
    first, other = load(tmp_path / "control").state_dict(), load(tmp_path / "student").state_dict()
    for name, value in first.items():
        torch.testing.assert_close(other[name], value)


def test_a_student_that_learns_from_its_teacher_differs_from_its_control(
    assets: dict[str, Path], tmp_path: Path
) -> None:
    run(control, CONTROL, assets, tmp_path / "control")
    run(student, STUDENT, assets, tmp_path / "student")
    assert content(tmp_path / "control")["model.safetensors"] != content(tmp_path / "student")["model.safetensors"]


@pytest.mark.parametrize("case", GREY_CASES)
def test_the_student_is_taught_on_the_very_pixels_that_the_teacher_labelled(
    case: str, assets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every batch, bit for bit; and the teacher's own logits of them are the soft labels that come with them."""
    labelled: list[torch.Tensor] = []
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    inputs: list[torch.Tensor] = []
    from compression_ops.distillation.losses import kd

    original, network, opened = kd.loss, small_data.network, inference.open_forward

    def recording(*arguments: Any) -> Forward:
        forward = opened(*arguments)
        return Forward(lambda pixels: labelled.append(pixels) or forward.logits(pixels))

    def watched(input_shape: tuple[int, int, int], classes: int) -> torch.nn.Module:
        model = network(input_shape, classes)
        model.register_forward_pre_hook(lambda module, args: inputs.append(args[0]) if module.training else None)
        return model

    def spy(spec: kd.KD, logits: torch.Tensor, soft: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        seen.append((inputs[-1].clone(), soft))
        return original(spec, logits, soft, labels)

    monkeypatch.setattr(inference, "open_forward", recording)
    run(soft_labels, VIEWS | {"augmentation": GREY_CASES[case]}, assets, tmp_path / "soft_labels")
    monkeypatch.setattr(kd, "loss", spy)
    monkeypatch.setattr(small_data, "network", watched)
    run(student, STUDENT, assets | {"soft_labels": tmp_path / "soft_labels"}, tmp_path / "student")
    monkeypatch.undo()
    views = normalize(torch.cat(labelled), small_data.data().description).split(96)
    orders = [torch.randperm(96, generator=generator(3, "order", epoch)).split(24) for epoch in range(4)]
    expected = [views[epoch % 2][rows] for epoch, order in enumerate(orders) for rows in order]
    labeller = load(assets["teacher"])
    assert len(seen) == len(expected) == 4 * 4
    for (pixels, soft), exact in zip(seen, expected, strict=True):
        assert torch.equal(pixels, exact)
        torch.testing.assert_close(labeller(pixels).detach(), soft.float(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("stage", [teacher, student, control])
def test_what_is_validated_is_the_split_itself_whatever_the_augmentation(
    stage: Any, assets: dict[str, Path], tmp_path: Path
) -> None:
    every = GREY_CASES["all"]
    inputs = assets | {"soft_labels": tmp_path / "soft_labels"}
    run(soft_labels, VIEWS | {"augmentation": every}, assets, tmp_path / "soft_labels")
    stated: dict[Any, dict[str, Any]] = {
        teacher: TEACHER | {"augmentation": every},
        student: STUDENT,
        control: CONTROL | {"views": VIEWS | {"augmentation": every}},
    }
    result = run(stage, stated[stage], inputs, tmp_path / "model")
    again = run(stage, stated[stage], inputs, tmp_path / "again")
    assert content(tmp_path / "model") == content(tmp_path / "again")
    assert result.metrics == again.metrics
    validation = load_split(assets["dataset"], "validation")
    found = load(tmp_path / "model")(normalize(validation.samples, small_data.data().description)).detach()
    loss = torch.nn.functional.cross_entropy(found.double(), validation.labels).item()
    assert result.metrics["validation_loss"] == pytest.approx(loss, rel=1e-5)


def test_a_student_of_mixed_views_that_ignores_its_teacher_is_its_control(
    assets: dict[str, Path], tmp_path: Path
) -> None:
    """Both learn the same mixed labels, so with α = 0 nothing is left that differs, weighed classes too."""
    mixed, weighed = VIEWS | {"augmentation": {"mixup": {"alpha": 1.0}}}, {"class_weights": "balanced"}
    run(soft_labels, mixed, assets, tmp_path / "soft_labels")
    inputs = assets | {"soft_labels": tmp_path / "soft_labels"}
    alone = STUDENT | weighed | {"loss": {"type": "kd", "temperature": 3.0, "alpha": 0.0}}
    run(control, CONTROL | weighed | {"views": mixed}, inputs, tmp_path / "control")
    run(student, alone, inputs, tmp_path / "student")
    first, other = load(tmp_path / "control").state_dict(), load(tmp_path / "student").state_dict()
    for name, value in first.items():
        torch.testing.assert_close(other[name], value)


def test_the_teachers_label_smoothing_is_torchs(assets: dict[str, Path], tmp_path: Path) -> None:
    smooth = run(teacher, TEACHER | {"label_smoothing": 0.4, "epochs": 1}, assets, tmp_path / "smooth")
    sharp = run(teacher, TEACHER | {"label_smoothing": 0.0, "epochs": 1}, assets, tmp_path / "sharp")
    assert smooth.history[0]["loss"] > sharp.history[0]["loss"]


@pytest.mark.parametrize("stage", [teacher, student, control])
def test_a_stage_keeps_the_epoch_of_its_metric_and_weighs_classes(
    stage: Any, assets: dict[str, Path], tmp_path: Path
) -> None:
    parameters: dict[str, Any] = {teacher: TEACHER, student: STUDENT, control: CONTROL}[stage]
    plain = run(stage, parameters, assets, tmp_path / "plain")
    judged = run(stage, parameters | {"metric": "f1_macro"}, assets, tmp_path / "judged")
    assert next(iter(judged.metrics)) == "validation_f1_macro"
    for before, after in zip(plain.history, judged.history, strict=True):
        assert {**after, "seconds": 0}.items() >= {**before, "seconds": 0}.items(), "the same training"
    weighed = run(stage, parameters | {"class_weights": "balanced"}, assets, tmp_path / "weighed")
    assert weighed.history[0]["loss"] != plain.history[0]["loss"]


def test_the_teacher_sees_a_new_view_every_epoch(
    assets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    original = Views.view

    def spy(self: Views, number: int, images: torch.Tensor, description: Description) -> View:
        drawn.append(number)
        return original(self, number, images, description)

    monkeypatch.setattr(Views, "view", spy)
    run(teacher, TEACHER, assets, tmp_path / "teacher")
    assert drawn == [0, 1, 2, 3]
