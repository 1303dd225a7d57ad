"""Training and labelling make every tensor where the network lies, on a second device that mixes with no other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.views import Views
from compression_ops.distillation import labelling
from compression_ops.distillation import objective as student_objective
from compression_ops.distillation.losses import kd
from compression_ops.errors import ModelError
from compression_ops.models.network import Network, build
from compression_ops.onnx_model.inference import in_torch
from compression_ops.training import class_weights, loop
from compression_ops.training.objective import Batch, Objective, supervised
from tests.compression_ops import other_device, small_data

DATA = small_data.data()
NETWORK = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
VIEWS = Views(views=2, augmentation=Augmentation(translate=1.0, rotate=10.0), seed=5)
TRAINING = small_data.training(epochs=2, batch_size=20, learning_rate=0.01, class_weights="balanced", seed=1)


class Forgetful(nn.Linear):
    """Its author made a tensor on whatever device is torch's default."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(1)) + torch.zeros(small_data.CLASSES)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What asks for the values of tensors is replaced, and the optimizer, whose kernels know no such device."""
    weights = class_weights.balanced(DATA.train.labels, small_data.CLASSES)
    monkeypatch.setattr(class_weights, "balanced", lambda *_: weights)
    monkeypatch.setattr(loop, "build_optimizer", lambda model, _: torch.optim.AdamW(model.parameters()))
    monkeypatch.setattr(loop, "_quality", lambda predicted, labels: (0.5, float(predicted.device == labels.device)))
    with other_device.present(monkeypatch):
        yield


def train(model: nn.Module, objective: Objective) -> loop.Trained:
    return loop.train(model.to(other_device.DEVICE), DATA, TRAINING, VIEWS, objective)


def stored(monkeypatch: pytest.MonkeyPatch) -> Objective:
    """Hinton's loss on stored logits, which no file is read for."""
    monkeypatch.setattr(student_objective, "load_views", lambda _: VIEWS)
    monkeypatch.setattr(student_objective, "load_logits", lambda *_: torch.zeros(96, 3, dtype=torch.float16))
    return student_objective.of_loss(kd.KD(), Path(), None, 96, DATA.description)(nn.Identity())


def online(_: pytest.MonkeyPatch) -> Objective:
    """A loss with a frozen teacher and a trained module of its own."""
    teacher, own = build(NETWORK), nn.Linear(3, 3)

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        return functional.mse_loss(own(model(batch.inputs)), teacher(batch.inputs))

    return Objective(loss, (own,), frozen=(teacher,))


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("objective", [lambda _: supervised(0.1), stored, online], ids=["labels", "stored", "online"])
def test_every_tensor_of_a_training_is_made_where_its_network_lies(
    objective: Callable[[pytest.MonkeyPatch], Objective], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tensor that was made elsewhere meets one of the network's, and torch refuses."""
    trained = train(build(NETWORK), objective(monkeypatch))
    assert trained.device == other_device.DEVICE
    assert {parameter.device.type for parameter in trained.model.parameters()} == {other_device.DEVICE}
    assert [epoch["validation_loss"] for epoch in trained.history] == [1.0, 1.0], "logits come back to the labels"
    assert trained.threads is None


class AtOnce:
    """A pool whose work is done by who asks for it: fake tensors are a matter of one thread."""

    def __init__(self, threads: int) -> None: ...

    def __enter__(self) -> "AtOnce":
        return self

    def __exit__(self, *_: object) -> None: ...

    map = staticmethod(map)


@pytest.mark.usefixtures("elsewhere")
def test_every_tensor_of_a_labelling_is_made_where_the_teacher_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "ThreadPoolExecutor", AtOnce)
    teacher = in_torch(build(NETWORK).to(other_device.DEVICE), DATA.description)
    assert teacher.device == other_device.DEVICE
    labels = list(labelling.label_views(teacher, DATA.train.samples, DATA.description, VIEWS))
    assert [(view.shape, view.dtype, view.device.type) for view in labels] == [((96, 3), torch.float16, "cpu")] * 2


@pytest.mark.usefixtures("elsewhere")
def test_a_network_that_forgets_its_device_is_told_the_cure_before_it_is_trained() -> None:
    with pytest.raises(
        ModelError, match=r"tensors to be on the same device.*belongs on meta: give it `device=x.device`"
    ):
        train(Forgetful(64, small_data.CLASSES), supervised())


def scattering(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A network whose forward calls an operator that has no deterministic implementation, on a processor either."""

    class Scattering(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            flat = input.flatten(1)
            rows = torch.arange(flat.numel())
            return super().forward(torch.zeros_like(flat).put_(rows, flat.flatten()))

    return Scattering(64, classes)


def fit(architecture: str, **parameters: Any) -> loop.Trained:
    training = small_data.training(**{"epochs": 2, "batch_size": 20, "learning_rate": 0.01, "seed": 1} | parameters)
    network = Network(architecture, small_data.SHAPE, small_data.CLASSES)
    return loop.train_network(network, DATA, training, VIEWS, lambda _: supervised())


def test_an_operator_that_is_not_deterministic_is_named_once_and_the_rest_is_silent(
    recwarn: pytest.WarningsRecorder,
) -> None:
    found = fit(f"{__name__}:scattering").warnings
    assert len(found) == 1
    assert "not deterministic on cpu: put_" in found[0]
    assert fit(NETWORK.architecture).warnings == ()
    assert not [str(warning.message) for warning in recwarn if "determinis" in str(warning.message)]
