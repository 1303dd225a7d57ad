"""Training in bfloat16: weights stay float32; it is refused where the processor has no instructions for it."""

import pytest
import torch
from torch import Tensor, nn

from compression_ops import instruction_sets
from compression_ops.data.views import Views
from compression_ops.errors import ModelError
from compression_ops.models.network import Network
from compression_ops.training.loop import Trained, train_network
from compression_ops.training.objective import Batch, Objective, supervised
from tests.compression_ops import small_data

DATA = small_data.data()
NETWORK = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)


def fit(precision: str, objective: Objective | None = None) -> Trained:
    training = small_data.training(epochs=4, batch_size=20, learning_rate=0.01, seed=1, precision=precision)
    return train_network(NETWORK, DATA, training, Views(), lambda _: objective or supervised())


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any processor computes bfloat16, only slowly; here the numbers matter."""
    monkeypatch.setattr(instruction_sets, "has_bfloat16", lambda: True)


@pytest.mark.usefixtures("able")
def test_bfloat16_is_what_layers_compute_in_and_the_weights_stay_float32() -> None:
    outputs: set[torch.dtype] = set()

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        logits = model(batch.inputs)
        outputs.add(logits.dtype)
        return nn.functional.cross_entropy(logits.float(), batch.labels)

    trained = fit("bfloat16", Objective(loss))
    assert outputs == {torch.bfloat16}
    floating = {value.dtype for value in trained.model.state_dict().values() if value.is_floating_point()}
    assert floating == {torch.float32}


@pytest.mark.usefixtures("able")
def test_bfloat16_trains_nearly_as_float32_does_and_the_same_twice() -> None:
    full, half, again = fit("float32"), fit("bfloat16"), fit("bfloat16")
    assert all(torch.equal(value, again.model.state_dict()[name]) for name, value in half.model.state_dict().items())
    assert half.history[0]["loss"] != full.history[0]["loss"]
    assert half.history[-1]["loss"] == pytest.approx(full.history[-1]["loss"], rel=0.1)
    assert half.metrics["validation_accuracy"] > 0.9


def test_bfloat16_is_refused_where_it_would_be_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruction_sets, "has_bfloat16", lambda: False)
    with pytest.raises(ModelError, match=r"bfloat16 needs .*avx512_bf16 or amx_bf16.*Write `precision: float32`"):
        fit("bfloat16")
    assert len(fit("float32").history) == 4
