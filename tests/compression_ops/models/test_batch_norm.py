"""Folded networks compute what they did; what cannot be folded exactly stays as it is."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from compression_ops.models import batch_norm


def lived_in(model: nn.Module) -> nn.Module:
    """The model with running statistics and affine parameters as after some training."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.1)
            if module.affine:
                module.weight.data = torch.randn(module.num_features, generator=generator)
                module.bias.data = torch.randn(module.num_features, generator=generator)
    return model.eval()


def check(model: nn.Module, shape: tuple[int, ...]) -> batch_norm.Folded:
    """Fold, and compare the outputs on random inputs; the original must not have changed."""
    model = lived_in(model)
    before = copy.deepcopy(model.state_dict())
    folded = batch_norm.fold(model, shape)
    inputs = torch.randn(5, *shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(folded.model(inputs), model(inputs), rtol=1e-4, atol=1e-5)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    return folded


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4)), (2, 9)),
        (nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4)), (2, 6, 6)),
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=4, padding=1), nn.BatchNorm2d(4, affine=False)), (4, 6, 6)),
        (nn.Sequential(nn.Conv3d(1, 2, 2), nn.BatchNorm3d(2)), (1, 3, 3, 3)),
        (nn.Sequential(nn.Linear(7, 4, bias=False), nn.BatchNorm1d(4)), (7,)),
    ],
)
def test_each_kind_of_layer_takes_its_batch_norm_in(model: nn.Module, shape: tuple[int, ...]) -> None:
    folded = check(model, shape)
    assert folded.folded == ("1",)
    assert folded.kept == ()
    assert isinstance(folded.model.get_submodule("1"), nn.Identity)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.first_norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.second, self.second_norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.last_norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first_norm(self.first(x)).relu()
        y = self.second_norm(self.second(y)) + x
        return self.last_norm(y)


def test_a_residual_network_folds_all_but_the_norm_after_the_sum() -> None:
    folded = check(Residual(), (3, 5, 5))
    assert folded.folded == ("first_norm", "second_norm")
    assert folded.kept == ("last_norm",)


class SharedLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(self.layer(x)))


class OutputUsedTwice(SharedLayer):
    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return self.norm(y) + y


class WeightReadElsewhere(SharedLayer):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(x)) + self.layer.weight.sum()


class DependsOnData(SharedLayer):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(x)) if x.sum() < 1e9 else x


class TiedWeights(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm, self.two = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1)
        self.two.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.norm(self.one(x)))


@pytest.mark.parametrize("kind", [SharedLayer, OutputUsedTwice, WeightReadElsewhere, DependsOnData, TiedWeights])
def test_a_layer_that_others_depend_on_keeps_its_batch_norm(kind: type[nn.Module]) -> None:
    folded = check(kind(), (2, 4, 4))
    assert folded.folded == ()
    assert folded.kept == ("norm",)


def test_a_batch_norm_over_another_axis_than_the_linear_layers_output_stays() -> None:
    assert check(nn.Sequential(nn.Linear(7, 4), nn.BatchNorm1d(4)), (4, 7)).kept == ("1",)


def test_a_batch_norm_without_running_statistics_stays() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, track_running_stats=False))
    assert check(model, (2, 4, 4)).kept == ("1",)


def test_an_activation_between_layer_and_batch_norm_keeps_them_apart() -> None:
    assert check(nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU(), nn.BatchNorm2d(2)), (2, 4, 4)).kept == ("2",)


def test_a_parametrized_layer_keeps_its_batch_norm() -> None:
    assert check(nn.Sequential(weight_norm(nn.Conv2d(2, 2, 1)), nn.BatchNorm2d(2)), (2, 4, 4)).kept == ("1",)


def test_a_network_in_training_mode_is_folded_as_in_evaluation_mode_and_stays_in_training() -> None:
    model = lived_in(nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))).train()
    folded = batch_norm.fold(model, (2, 4, 4))
    assert model.training
    assert not folded.model.training
    assert folded.folded == ("1",)
