"""Losses on features, against the papers' formulas computed here, and which layers they compare."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.spatial.distance import pdist, squareform
from torch import Tensor, nn
from torch.nn import functional

from compression_ops.data.views import Views
from compression_ops.distillation.features import FeatureLoss, Pair
from compression_ops.distillation.losses import attention_transfer, fitnet, relational
from compression_ops.errors import ModelError
from compression_ops.onnx_model import frozen
from compression_ops.training.loop import train_network
from compression_ops.training.objective import Batch
from tests.compression_ops import small_data

SHAPE, CLASSES = (1, 8, 8), 3
LABELS = torch.tensor([0, 1, 2, 1, 0])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0])
LOSSES: tuple[Any, ...] = (fitnet, attention_transfer, relational)
SPECS: dict[Any, type[FeatureLoss]] = {
    fitnet: fitnet.FitNet, attention_transfer: attention_transfer.AttentionTransfer, relational: relational.Relational
}  # fmt: skip


def network(width: int, stride: int = 1) -> nn.Sequential:
    """Its layers are "0" to "6"; the last feature map before the pooling is that of "3"."""
    torch.manual_seed(width)
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, stride, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES),
    )  # fmt: skip


def batch(weights: Tensor | None = None) -> Batch:
    images = torch.randn(len(LABELS), *SHAPE, generator=torch.Generator().manual_seed(0))
    return Batch(images, torch.arange(len(LABELS)), LABELS, 0, weights)


def maps(student: nn.Sequential, teacher: nn.Sequential) -> tuple[Tensor, Tensor]:
    inputs = batch().inputs
    return student[:4](inputs), teacher[:4](inputs)


def hard(student: nn.Sequential, weights: Tensor | None = None) -> Tensor:
    return functional.cross_entropy(student(batch().inputs), LABELS, weights)


def test_fitnets_hint_is_the_error_of_the_regressed_features() -> None:
    student, teacher = network(4), network(6)
    made = fitnet.objective(fitnet.FitNet(weight=3.0, label_weight=0.5), teacher, student, SHAPE)
    (regressor,) = made.modules
    assert isinstance(regressor, nn.Conv2d)
    own, theirs = maps(student, teacher)
    expected = 0.5 * hard(student) + 3.0 * (regressor(own) - theirs).square().mean()
    torch.testing.assert_close(made.loss(student, batch()), expected)


def test_attention_is_compared_after_each_map_was_brought_to_length_one() -> None:
    student, teacher = network(4), network(6)
    made = attention_transfer.objective(attention_transfer.AttentionTransfer(weight=7.0), teacher, student, SHAPE)
    own, theirs = (features.detach().numpy() for features in maps(student, teacher))
    own, theirs = ((f**2).mean(1).reshape(len(f), -1) for f in (own, theirs))
    own, theirs = (f / np.linalg.norm(f, axis=1, keepdims=True) for f in (own, theirs))
    expected = hard(student).item() + 7.0 * np.square(own - theirs).mean()
    assert made.loss(student, batch()).item() == pytest.approx(expected, rel=1e-5)


def test_relations_are_distances_and_angles_by_hubers_loss() -> None:
    student, teacher = network(4), network(6)
    spec = relational.Relational(distance=2.0, angle=3.0)
    made = relational.objective(spec, teacher, student, SHAPE)
    flat = [features.detach().numpy().reshape(len(LABELS), -1).astype(float) for features in maps(student, teacher)]
    huber = [lambda d: 0.5 * d**2 if abs(d) < 1 else abs(d) - 0.5][0]
    distances = [squareform(pdist(each)) / pdist(each).mean() for each in flat]
    by_distance = np.mean([huber(d) for d in (distances[0] - distances[1]).ravel()])

    def cosine(rows: np.ndarray, first: int, second: int, third: int) -> float:
        one, two = rows[second] - rows[first], rows[third] - rows[first]
        length = np.linalg.norm(one) * np.linalg.norm(two)
        return float(one @ two / length) if length else 0.0

    triples = list(itertools.product(range(len(LABELS)), repeat=3))
    by_angle = np.mean([huber(cosine(flat[0], *triple) - cosine(flat[1], *triple)) for triple in triples])
    expected = hard(student).item() + 2.0 * by_distance + 3.0 * by_angle
    assert made.loss(student, batch()).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("module", LOSSES)
def test_equal_networks_have_nothing_to_learn_from_each_other_but_the_labels(module: Any) -> None:
    student, teacher = network(4), network(4)
    made = module.objective(SPECS[module](), teacher, student, SHAPE)
    for regressor in made.modules:
        regressor.weight.data = torch.eye(4).reshape(4, 4, 1, 1)
        regressor.bias.data.zero_()
    found = made.loss(student, batch(WEIGHTS))
    torch.testing.assert_close(found, hard(student, WEIGHTS), rtol=1e-4, atol=1e-4)
    found.backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in student.parameters())


@pytest.mark.parametrize("module", LOSSES)
def test_maps_of_another_size_are_averaged_to_the_smaller(module: Any) -> None:
    student, teacher = network(4, stride=2), network(6)
    made = module.objective(SPECS[module](), teacher, student, SHAPE)
    assert torch.isfinite(made.loss(student, batch()))
    layers = Pair(fitnet.FitNet(), teacher, student, SHAPE)
    own, theirs, _ = layers.features(teacher, student, batch())
    torch.testing.assert_close(own, student[:4](batch().inputs))
    torch.testing.assert_close(theirs, functional.avg_pool2d(teacher[:4](batch().inputs), 2))


def test_the_layers_that_are_named_are_compared_and_nothing_stays_on_the_networks() -> None:
    student, teacher = network(4), network(6)
    layers = Pair(fitnet.FitNet(teacher_layer="0", student_layer="1"), teacher, student, SHAPE)
    assert (layers.teacher_shape, layers.student_shape) == ((6, 8, 8), (4, 8, 8))
    own, theirs, logits = layers.features(teacher, student, batch())
    torch.testing.assert_close(own, student[:2](batch().inputs))
    torch.testing.assert_close(theirs, teacher[:1](batch().inputs))
    torch.testing.assert_close(logits, student(batch().inputs))
    assert student.training
    assert not any(module._forward_hooks for each in (student, teacher) for module in each.modules())


@pytest.mark.parametrize("name", ["features.9", "6", "5", ""])
def test_a_name_that_is_no_layer_with_maps_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(ModelError, match=r"loss\.student_layer is .*3 \[4, 8, 8\], 4 \[4, 1, 1\]"):
        Pair(fitnet.FitNet(student_layer=name), network(6), network(4), SHAPE)


def test_networks_without_maps_are_refused() -> None:
    for teacher in (nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), frozen.build(SHAPE, CLASSES)):
        with pytest.raises(ModelError, match="has no layer that gives feature maps"):
            Pair(fitnet.FitNet(), teacher, network(4), SHAPE)


@pytest.mark.parametrize("module", LOSSES)
def test_a_student_learns_with_it(module: Any) -> None:
    data, training = small_data.data(), small_data.training(epochs=8, learning_rate=0.01)
    torch.manual_seed(1)
    teacher = small_data.network(small_data.SHAPE, small_data.CLASSES)

    def made(student: nn.Module) -> Any:
        return module.objective(SPECS[module](label_weight=1.0), teacher.eval(), student, small_data.SHAPE)

    def build() -> nn.Module:
        return small_data.network(small_data.SHAPE, small_data.CLASSES)

    trained = train_network(build, data, training, Views(views=1, seed=0), made)
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]
    assert trained.model.state_dict().keys() == teacher.state_dict().keys()


@pytest.mark.parametrize("module", LOSSES)
@pytest.mark.parametrize("bad", [{"weight": -1.0, "distance": -1.0}, {"teacher_layer": 3}, {"layers": []}])
def test_parameters_out_of_range_and_unknown_ones_are_refused(module: Any, bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SPECS[module].model_validate(bad)
