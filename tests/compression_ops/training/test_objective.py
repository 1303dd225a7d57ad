"""An objective is given the network and the batch, and may bring modules that learn with the network."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from compression_ops.data.views import Views
from compression_ops.models.network import Network
from compression_ops.training.loop import Trained, evaluate, train_network
from compression_ops.training.objective import Batch, Objective, ObjectiveOf, supervised
from tests.compression_ops import small_data

DATA = small_data.data()
NETWORK = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
LINEAR = Network("tests.compression_ops.small_data:linear", small_data.SHAPE, small_data.CLASSES)


def fit(objective: ObjectiveOf, network: Network = NETWORK, epochs: int = 4) -> Trained:
    training = small_data.training(epochs=epochs, batch_size=24, learning_rate=0.02, seed=1)
    return train_network(network, DATA, training, Views(), objective)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_supervised_is_cross_entropy_with_part_of_the_target_spread(smoothing: float) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    target = functional.one_hot(labels, 4) * (1 - smoothing) + smoothing / 4
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    batch = Batch(logits, torch.arange(5), labels, 0)
    torch.testing.assert_close(supervised(smoothing).loss(nn.Identity(), batch), expected)


def test_a_mixup_needs_nothing_of_the_loop() -> None:
    """Zhang et al. 2018: inputs and losses of two samples, mixed."""

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        logits = model(0.8 * batch.inputs + 0.2 * batch.inputs.flip(0))
        return 0.8 * functional.cross_entropy(logits, batch.labels) + 0.2 * functional.cross_entropy(
            logits, batch.labels.flip(0)
        )

    assert fit(lambda _: Objective(loss), epochs=8).metrics["validation_accuracy"] > 0.9


def test_modules_of_its_own_leave_the_networks_initial_weights_and_follow_it_to_its_best_epoch() -> None:
    """The own module counts epochs, so its value tells which epoch's weights it holds."""
    epochs, started = nn.Linear(1, 1), list[Tensor]()

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        assert epochs.training
        epochs.bias.data.fill_(batch.epoch + 1.0)
        labels = batch.labels if batch.epoch < 3 else (batch.labels + 1) % small_data.CLASSES
        return functional.cross_entropy(model(batch.inputs), labels) + 0.0 * epochs(torch.ones(1)).sum()

    def objective(model: nn.Module) -> Objective:
        started.append(next(model.parameters()).detach().clone())
        nn.Linear(100, 100)
        return Objective(loss, (epochs,))

    trained = fit(objective, epochs=8)
    fit(lambda model: started.append(next(model.parameters()).detach().clone()) or supervised(), epochs=1)
    assert torch.equal(started[0], started[1])
    assert trained.best_epoch <= 3
    assert epochs.bias.item() == pytest.approx(trained.best_epoch, abs=0.1)


class FakeQuantized(nn.Module):
    """Logistic regression with 2-bit weights and a learned step size (Esser et al. 2020), as a simulation."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.step = model, nn.Parameter(torch.tensor(0.05))

    def forward(self, x: Tensor) -> Tensor:
        scaled = (self.model.get_parameter("1.weight") / self.step).clamp(-2, 1)
        rounded = scaled + (scaled.round() - scaled).detach()
        return functional_call(self.model, {"1.weight": rounded * self.step}, (x,))


def test_quantization_aware_training_learns_its_step_and_is_validated_as_it_is_shipped() -> None:
    simulations: list[FakeQuantized] = []

    def objective(model: nn.Module) -> Objective:
        simulation = FakeQuantized(model)
        simulations.append(simulation)
        own = nn.ParameterList([simulation.step])

        def loss(_: nn.Module, batch: Batch) -> Tensor:
            return functional.cross_entropy(simulation(batch.inputs), batch.labels)

        return Objective(loss, (own,), lambda _: simulation)

    trained = fit(objective, LINEAR, epochs=10)
    (simulation,) = simulations
    assert simulation.step.item() != pytest.approx(0.05)
    assert list(trained.model.state_dict()) == ["1.weight", "1.bias"]
    accuracy, loss = evaluate(simulation, DATA.validation, DATA.description)
    assert (accuracy, loss) == (trained.metrics["validation_accuracy"], trained.metrics["validation_loss"])
    assert loss != evaluate(trained.model, DATA.validation, DATA.description)[1]
