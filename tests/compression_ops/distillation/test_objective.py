"""A loss that needs the teacher itself is one file: here this one, with the hints of FitNets (Romero et al. 2015)."""

from pathlib import Path
from typing import ClassVar, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.dataset import normalize
from compression_ops.data.views import Views
from compression_ops.distillation.losses import dkd, kd
from compression_ops.distillation.losses.dkd import DKD
from compression_ops.distillation.losses.kd import KD
from compression_ops.distillation.objective import of_loss, require_class_weights
from compression_ops.distillation.soft_labels import save_logits, save_views
from compression_ops.errors import ModelError
from compression_ops.models.network import Network, build, load, save
from compression_ops.seeds import generator
from compression_ops.spec import Spec
from compression_ops.training.loop import Trained, train_network
from compression_ops.training.objective import Batch, Objective, ObjectiveOf
from tests.compression_ops import small_data

DATA = small_data.data()
VIEWS = Views(views=2, augmentation=Augmentation(translate=1.0), seed=5)
TRAINING = small_data.training(
    epochs=3, batch_size=24, learning_rate=0.02, warmup_epochs=0.0, schedule="constant", seed=1
)


class Features(nn.Module):
    """A convolution whose result is the hint, and a linear layer."""

    def __init__(self, filters: int, classes: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, filters, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(filters)
        self.head = nn.Linear(filters * 16, classes)

    def features(self, x: Tensor) -> Tensor:
        return self.norm(self.convolution(x)).relu()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


def wide(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return Features(10, classes)


def narrow(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return Features(4, classes)


class Hint(Spec):
    needs_teacher: ClassVar[bool] = True

    type: Literal["hint"] = "hint"
    weight: float = 0.5


projections: list[nn.Module] = []


def objective(spec: Hint, teacher: nn.Module, student: nn.Module, input_shape: tuple[int, int, int]) -> Objective:
    """weight · mean squared error of the projected features + cross entropy."""
    assert isinstance(teacher, Features)
    assert isinstance(student, Features)
    projection = nn.Conv2d(student.convolution.out_channels, teacher.convolution.out_channels, 1)
    projections.append(projection)

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        assert not teacher.training
        features = student.features(batch.inputs)
        hint = functional.mse_loss(projection(features), teacher.features(batch.inputs))
        return spec.weight * hint + functional.cross_entropy(student.head(features.flatten(1)), batch.labels)

    return Objective(loss, (projection,))


TEACHER = Network(f"{__name__}:wide", small_data.SHAPE, small_data.CLASSES)
STUDENT = Network(f"{__name__}:narrow", small_data.SHAPE, small_data.CLASSES)


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    folder = tmp_path / "teacher"
    folder.mkdir()
    torch.manual_seed(7)
    save(folder, TEACHER, build(TEACHER))
    return folder


@pytest.fixture
def soft_labels(tmp_path: Path) -> Path:
    folder = tmp_path / "soft_labels"
    folder.mkdir()
    save_views(folder, VIEWS)
    for view in range(2):
        save_logits(folder, view, torch.randn(96, 3, generator=torch.Generator().manual_seed(view)).half())
    return folder


def fit(of_student: ObjectiveOf) -> Trained:
    return train_network(STUDENT, DATA, TRAINING, VIEWS, of_student)


def batches(epoch: int) -> list[tuple[Tensor, Tensor]]:
    """(inputs, rows) of an epoch, made here anew."""
    view = VIEWS.view(epoch % 2, DATA.train.samples, DATA.description)
    order = torch.randperm(96, generator=generator(TRAINING.seed, "order", epoch)).split(24)
    return [(normalize(view.samples(rows), DATA.description), rows) for rows in order]


def test_a_feature_loss_trains_as_in_a_plain_torch_loop(soft_labels: Path, teacher: Path) -> None:
    found = fit(of_loss(Hint(), soft_labels, teacher, 96, DATA.description))
    labeller = load(teacher)
    torch.manual_seed(TRAINING.seed)
    model, projection = Features(4, 3), nn.Conv2d(4, 10, 1)
    initial = projection.weight.detach().clone()
    optimizer = torch.optim.AdamW([*model.parameters(), *projection.parameters()], lr=0.02, weight_decay=0.0)
    for epoch in range(found.best_epoch):
        for inputs, rows in batches(epoch):
            hint = functional.mse_loss(projection(model.features(inputs)), labeller.features(inputs).detach())
            loss = 0.5 * hint + functional.cross_entropy(model(inputs), DATA.train.labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for name, value in model.named_parameters():
        torch.testing.assert_close(found.model.get_parameter(name), value, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(projections[-1].weight, projection.weight, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(projection.weight, initial, atol=1e-3)


def test_the_projection_is_not_saved_and_the_teacher_stays_as_it_was(
    soft_labels: Path, teacher: Path, tmp_path: Path
) -> None:
    before = (teacher / "model.safetensors").read_bytes()
    trained = fit(of_loss(Hint(), soft_labels, teacher, 96, DATA.description))
    save(tmp_path, STUDENT, trained.model)
    assert load(tmp_path).state_dict().keys() == Features(4, 3).state_dict().keys()
    assert (teacher / "model.safetensors").read_bytes() == before


def test_a_loss_on_stored_logits_gets_row_i_of_the_epochs_view_for_sample_i(soft_labels: Path) -> None:
    """One step on known logits: Hinton's loss of them, computed here."""
    objective = of_loss(KD(temperature=2.0, alpha=1.0), soft_labels, None, 96, DATA.description)(nn.Identity())
    rows = torch.tensor([5, 90, 17])
    student = torch.randn(3, 3, generator=torch.Generator().manual_seed(9))
    for epoch in (0, 1, 2):
        stored = torch.randn(96, 3, generator=torch.Generator().manual_seed(epoch % 2)).half().float()[rows]
        q, p = (student / 2).log_softmax(1), (stored / 2).softmax(1)
        expected = 4 * (p * (p.log() - q)).sum(1).mean()
        found = objective.loss(nn.Identity(), Batch(student, rows, torch.tensor([0, 1, 2]), epoch))
        torch.testing.assert_close(found, expected)


def test_a_loss_whose_weights_change_is_given_the_epoch(soft_labels: Path) -> None:
    spec, rows, labels = DKD(warmup_epochs=4), torch.tensor([5, 90, 17]), torch.tensor([0, 1, 2])
    objective = of_loss(spec, soft_labels, None, 96, DATA.description)(nn.Identity())
    student = torch.randn(3, 3, generator=torch.Generator().manual_seed(9))
    for epoch in (0, 1, 6):
        stored = torch.randn(96, 3, generator=torch.Generator().manual_seed(epoch % 2)).half()[rows]
        found = objective.loss(nn.Identity(), Batch(student, rows, labels, epoch))
        torch.testing.assert_close(found, dkd.loss(spec, student, stored, labels, epoch=epoch))


def test_a_loss_that_needs_the_teacher_is_refused_without_one(soft_labels: Path) -> None:
    with pytest.raises(ModelError, match="Hint compares the student with the teacher itself"):
        of_loss(Hint(), soft_labels, None, 96, DATA.description)


def test_a_loss_on_stored_logits_is_given_the_class_weights(soft_labels: Path) -> None:
    objective = of_loss(KD(alpha=0.5), soft_labels, None, 96, DATA.description)(nn.Identity())
    rows, labels, weights = torch.tensor([5, 90, 17]), torch.tensor([0, 1, 2]), torch.tensor([0.2, 3.0, 1.0])
    student = torch.randn(3, 3, generator=torch.Generator().manual_seed(9))
    stored = torch.randn(96, 3, generator=torch.Generator().manual_seed(0)).half()[rows]
    found = objective.loss(nn.Identity(), Batch(student, rows, labels, 0, weights))
    torch.testing.assert_close(found, kd.loss(KD(alpha=0.5), student, stored, labels, weights))
    assert not torch.allclose(found, objective.loss(nn.Identity(), Batch(student, rows, labels, 0)))


def test_a_loss_that_cannot_weigh_classes_is_refused_where_they_are_to_be_weighed() -> None:
    weighing = TRAINING.changed(class_weights="balanced")
    require_class_weights(KD(), weighing)
    require_class_weights(Hint(), TRAINING)
    with pytest.raises(ModelError, match="class_weights is balanced, and the loss Hint weighs no classes"):
        require_class_weights(Hint(), weighing)
