"""Whatever trains in plain torch and can be exported trains, exports and quantizes here; its logits stay close."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from compression_ops import dry_run
from compression_ops.data.dataset import Description, Split, normalize, save_description, save_split
from compression_ops.data.views import Views
from compression_ops.models import inference
from compression_ops.models.network import Network, build, load, save
from compression_ops.onnx_model import opset, session
from compression_ops.progress import silent
from compression_ops.quantization.calibration.minmax import MinMax
from compression_ops.quantization.methods.calibrated import Calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.student import quantize
from compression_ops.training.hyperparameters import Training
from compression_ops.training.loop import Data, train_network
from compression_ops.training.objective import supervised
from tests.compression_ops.zoo import attention, constructs

SHAPE, CLASSES = (1, 8, 8), 10
PLAIN = [(Precision(), Calibrated())]
TRAINING = Training(epochs=5, batch_size=64, learning_rate=0.01)
# Root mean square, of that of the float logits; the largest of all differences, of their range. 8-bit weights, one
# scale a channel, calibrated by extremes: somewhat more than the farthest network showed.
MEAN_ERROR, LARGEST_ERROR = 0.1, 0.25
ACCURACY_LOST = 0.04
# What other weights to begin with and another order cost a network that is not trained to its end.
OTHER_SEED = 0.25
# One of each way through the code, for the quick suite.
ESSENTIAL = (
    "residual",
    "group_norm",
    "view_after_convolutions",
    "tied_weights",
    "lazy",
    "mask_of_minus_infinity",
    "versioned",
)
NETWORKS = {
    name: f"{module.__name__}:{name}"
    for module in (constructs, attention)
    for name, value in vars(module).items()
    if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
}


def network(name: str) -> Network:
    return Network(NETWORKS[name], SHAPE, CLASSES)


@pytest.fixture(scope="module")
def digits() -> Data:
    images, labels = (np.asarray(part) for part in load_digits(return_X_y=True))
    pixels = torch.from_numpy(images.reshape(-1, *SHAPE) * 255 / 16).to(torch.uint8)
    split = Split(pixels, torch.from_numpy(labels).long())
    scaled = pixels.double() / 255
    description = Description(tuple("0123456789"), SHAPE, (scaled.mean().item(),), (scaled.std().item(),))
    return Data(
        Split(split.samples[:1400], split.labels[:1400]), Split(split.samples[1400:], split.labels[1400:]), description
    )


@pytest.fixture(scope="module")
def dataset(digits: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    save_split(folder, "train", digits.train)
    save_split(folder, "validation", digits.validation)
    save_description(folder, digits.description)
    return folder


def test_the_zoo_has_more_than_forty_networks() -> None:
    assert len(NETWORKS) > 40
    assert set(ESSENTIAL) <= NETWORKS.keys()


@pytest.mark.parametrize("name", ESSENTIAL)
def test_a_dry_run_takes_a_network_the_whole_way(name: str, digits: Data) -> None:
    assert dry_run.check(network(name), TRAINING, digits.train, digits.description, PLAIN) == ()


def test_a_dry_run_says_that_auxiliary_outputs_are_left_out(digits: Data) -> None:
    (warning,) = dry_run.check(network("auxiliary_output"), TRAINING, digits.train, digits.description)
    assert "the first output is trained" in warning
    assert "`arguments: {aux_logits: false}`" in warning


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_trains_exports_and_quantizes(name: str, digits: Data, dataset: Path, tmp_path: Path) -> None:
    dry_run.check(network(name), TRAINING, digits.train, digits.description, PLAIN)
    trained = train_network(network(name), digits, TRAINING, Views(views=1, seed=0), lambda _: supervised())
    student, quantized = tmp_path / "student", tmp_path / "quantized"
    student.mkdir()
    quantized.mkdir()
    save(student, network(name), trained.model)
    images = digits.validation.samples
    floats = inference.logits(load(student), images, digits.description)
    torch.testing.assert_close(
        floats, inference.logits(trained.model, images, digits.description), rtol=1e-4, atol=1e-4
    )

    quantize(student, dataset, MinMax(method="minmax", samples=128), Precision(), quantized, silent)
    shipped = onnx.load(quantized / "model.onnx")
    integers, older = (
        session.predict(session.open_session(each.SerializeToString()), images.numpy())
        for each in (shipped, opset.lowered(shipped, 18))
    )
    np.testing.assert_array_equal(older, integers)
    difference = integers - floats.numpy()
    assert np.sqrt(np.square(difference).mean() / np.square(floats.numpy()).mean()) <= MEAN_ERROR
    assert np.abs(difference).max() <= LARGEST_ERROR * np.ptp(floats.numpy())
    labels = digits.validation.labels.numpy()
    before, after = (np.mean(each.argmax(axis=1) == labels) for each in (floats.numpy(), integers))
    assert after >= before - ACCURACY_LOST
    assert before >= plain_accuracy(build(network(name)), digits) - OTHER_SEED


def plain_accuracy(model: nn.Module, data: Data) -> float:
    """Of the same network as twenty lines of torch train it."""
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), TRAINING.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, TRAINING.epochs)
    model.train()
    for _ in range(TRAINING.epochs):
        for rows in torch.randperm(len(data.train)).split(TRAINING.batch_size):
            output = model(normalize(data.train.samples[rows], data.description))
            loss = functional.cross_entropy(
                output if isinstance(output, torch.Tensor) else output[0], data.train.labels[rows]
            )
            optimizer.zero_grad()
            loss.backward()  # pyright: ignore[reportUnknownMemberType]
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        predicted = model.eval()(normalize(data.validation.samples, data.description)).argmax(dim=1)
    return (predicted == data.validation.labels).double().mean().item()
