"""The tree against a recursion in NumPy, written from the paper."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from compression_ops import dry_run
from compression_ops.data.views import Views
from compression_ops.errors import ModelError
from compression_ops.models.architectures.soft_decision_tree import SoftDecisionTree
from compression_ops.models.network import Network, build
from compression_ops.quantization.methods.calibrated import Calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.training.loop import train_network
from compression_ops.training.objective import supervised, with_penalties
from tests.compression_ops import small_data

SHAPE, CLASSES, DEPTH = (2, 5, 4), 3, 4


def tree(**arguments: Any) -> SoftDecisionTree:
    torch.manual_seed(0)
    model = build(Network("soft_decision_tree", SHAPE, CLASSES, {"depth": DEPTH, **arguments}))
    assert isinstance(model, SoftDecisionTree)
    with torch.no_grad():
        model.inverse_temperature.uniform_(0.5, 2.0)
        model.leaves.normal_()
    return model


class Recursion:
    """Frosst & Hinton 2017, section 2, node by node in double precision."""

    def __init__(self, model: SoftDecisionTree) -> None:
        self.weight, self.bias = (each.detach().double().numpy() for each in (model.filters.weight, model.filters.bias))
        self.beta = model.inverse_temperature.detach().double().numpy()
        leaves = np.exp(model.leaves.detach().double().numpy())
        self.leaves = leaves / leaves.sum(axis=1, keepdims=True)
        self.reached: dict[int, float] = {}

    def right(self, node: int, x: np.ndarray) -> float:
        return 1 / (1 + np.exp(-self.beta[node] * (self.weight[node] @ x + self.bias[node])))

    def mixture(self, x: np.ndarray, node: int = 0, arriving: float = 1.0) -> np.ndarray:
        if node >= len(self.weight):
            self.reached[node - len(self.weight)] = arriving
            return arriving * self.leaves[node - len(self.weight)]
        self.reached[-1 - node] = arriving
        p = self.right(node, x)
        left = self.mixture(x, 2 * node + 1, arriving * (1 - p))
        return left + self.mixture(x, 2 * node + 2, arriving * p)


def test_the_logits_are_the_logarithm_of_the_mixture_of_the_leaves() -> None:
    model = tree().eval()
    images = torch.randn(6, *SHAPE)
    recursion = Recursion(model)
    expected = np.log([recursion.mixture(image.flatten().double().numpy()) for image in images])
    np.testing.assert_allclose(model(images).detach().numpy(), expected, rtol=1e-5, atol=1e-5)


def test_the_paths_probabilities_sum_to_one_on_every_level() -> None:
    model = tree()
    paths = model.path_probabilities(model.right(torch.randn(6, *SHAPE)))
    assert [level.shape[1] for level in paths] == [2**level for level in range(DEPTH + 1)]
    for level in paths:
        torch.testing.assert_close(level.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(model.distributions().sum(dim=1), torch.ones(2**DEPTH))


def test_the_decision_path_leads_to_the_leaf_of_the_greatest_path_probability() -> None:
    model = tree().eval()
    image = torch.randn(*SHAPE)
    x, recursion = image.flatten().double().numpy(), Recursion(model)
    recursion.mixture(x)
    leaf = max(range(2**DEPTH), key=lambda each: recursion.reached[each])
    found = model.decision_path(image)
    assert found.leaf == leaf
    assert found.probability == pytest.approx(recursion.reached[leaf], rel=1e-4)
    assert found.distribution == pytest.approx(tuple(recursion.leaves[leaf]), rel=1e-4)
    node = 0
    for depth in range(DEPTH):
        assert found.right[depth] == pytest.approx(recursion.right(node, x), rel=1e-4)
        np.testing.assert_allclose(found.filters[depth].flatten(), recursion.beta[node] * recursion.weight[node], 1e-4)
        node = 2 * node + 1 + found.turns[depth]
    assert node - (2**DEPTH - 1) == leaf


def test_the_penalty_asks_every_node_for_halves_over_running_averages() -> None:
    """Two batches: equation 5, by a window of 2^level batches."""
    model = tree(balance=0.2)
    recursion = Recursion(model)
    arrived, went = np.zeros(2**DEPTH - 1), np.zeros(2**DEPTH - 1)
    for _ in range(2):
        images = torch.randn(8, *SHAPE)
        model(images)
        penalty = model.training_penalty()
        assert penalty is not None
        now = np.zeros((2, 2**DEPTH - 1))
        for image in images:
            x = image.flatten().double().numpy()
            recursion.mixture(x)
            for node in range(2**DEPTH - 1):
                now += (
                    np.eye(2**DEPTH - 1)[node]
                    * recursion.reached[-1 - node]
                    * np.array([[1], [recursion.right(node, x)]])
                )
        levels = np.floor(np.log2(np.arange(2**DEPTH - 1) + 1))
        window = 2.0**-levels
        arrived = (1 - window) * arrived + window * now[0] / 8
        went = (1 - window) * went + window * now[1] / 8
        share = went / arrived
        expected = -(0.2 * 2.0**-levels * 0.5 * (np.log(share) + np.log(1 - share))).sum()
        assert penalty.item() == pytest.approx(expected, rel=1e-3)
    assert model.training_penalty() is None


def test_what_a_network_asks_for_is_added_to_any_loss_while_it_trains() -> None:
    model = nn.Sequential(tree())
    loss = torch.tensor(1.5)
    model(torch.randn(4, *SHAPE))
    asked = with_penalties(loss, model)
    assert asked > loss
    assert with_penalties(loss, model) is loss  # asked once a forward
    model.eval()(torch.randn(4, *SHAPE))
    assert with_penalties(loss, model) is loss
    assert with_penalties(loss, nn.Linear(2, 2)) is loss


def test_a_balanced_tree_uses_both_halves_more_than_one_that_is_not_asked_to() -> None:
    data = small_data.data()
    training = small_data.training(epochs=12, batch_size=16, learning_rate=0.1, seed=0)

    def unevenness(balance: float) -> float:
        network = Network("soft_decision_tree", small_data.SHAPE, small_data.CLASSES, {"depth": 3, "balance": balance})
        model = train_network(network, data, training, Views(), lambda _: supervised()).model
        assert isinstance(model, SoftDecisionTree)
        images = (data.train.samples / 255 - data.description.mean[0]) / data.description.std[0]
        return float((model.right(images)[:, 0].mean() - 0.5).abs().detach())

    assert unevenness(1.0) < unevenness(0.0)


def test_it_goes_the_whole_way_to_integers() -> None:
    data = small_data.data()
    network = Network("soft_decision_tree", small_data.SHAPE, small_data.CLASSES, {"depth": 3})
    training = small_data.training(epochs=1, learning_rate=0.01)
    assert dry_run.check(network, training, data.train, data.description, [(Precision(), Calibrated())]) == ()


@pytest.mark.parametrize(
    "arguments", [{"depth": 0}, {"depth": 13}, {"depth": 2.5}, {"balance": -1}, {"balance_decay": 0}]
)
def test_a_tree_that_cannot_be_is_refused_with_what_is_allowed(arguments: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="allowed"):
        build(Network("soft_decision_tree", SHAPE, CLASSES, arguments))
