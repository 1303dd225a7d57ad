"""The simulation that is trained is the model that is shipped: the same logits, before, amid and after training."""

from collections.abc import Iterator

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from compression_ops.data.views import Views
from compression_ops.errors import ModelError
from compression_ops.models import inference
from compression_ops.models.network import build
from compression_ops.onnx_model import export, session
from compression_ops.quantization import activations, qdq, representable
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.simulation.graph import Simulation
from compression_ops.training.loop import Data, train_network
from compression_ops.training.objective import supervised
from tests.compression_ops import random_networks, small_data
from tests.compression_ops.zoo import test_constructs as zoo

IMAGES = np.random.default_rng(0).normal(size=(64, *zoo.SHAPE)).astype(np.float32)
# Operators that are not simulated: such networks stay with the calibrated method.
UNKNOWN = {
    "fourier_transform": "DFT",
    "recurrent": "GRU",
    "sorted_values": "TopK",
    "uneven_adaptive_pooling": "GatherND",
    "upsampling": "Resize",
}
QUICK = (
    "residual",
    "depthwise",
    "tied_layers",
    "batch_norm_first",
    "constants_on_either_side",
    "mask_of_minus_infinity",
)
# Of the range of logits. Sums in another order round otherwise here and there: a value lands on the next integer.
STEPS = 1e-2


def mapped(
    model: onnx.ModelProto, images: np.ndarray, bits: int, per_channel: bool = True, activation_bits: int = 8
) -> QuantizationMapping:
    ranges = activations.bounds(activations.replay(model, images))
    precision = Precision(weight_bits=bits, activation_bits=activation_bits, per_channel=per_channel)
    return representable.restrict(calibrated.mapping(model, ranges, precision), model, images)[0]


def disturbed(simulation: Simulation) -> Simulation:
    """As amid a training: other weights, other scales."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in simulation.named_parameters():
            noise = torch.rand(parameter.shape, generator=generator)
            parameter.mul_(0.6 + 0.7 * noise) if name.endswith("ratio") else parameter.add_(0.02 * (noise - 0.5))
    return simulation.eval()


def shipped(simulation: Simulation, images: np.ndarray) -> np.ndarray:
    model = qdq.write(*simulation.learned()).model
    return session.predict(session.open_session(model.SerializeToString()), images)


def simulated(simulation: Simulation, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return simulation(torch.from_numpy(images)).numpy()


def assert_equal_but_for_ties(found: np.ndarray, expected: np.ndarray) -> None:
    """To float32 in all but a few samples, in which some sum lay between two integers."""
    difference = np.abs(found - expected).max(axis=1) / np.ptp(expected)
    assert difference.max() < STEPS
    assert (difference < 1e-6).mean() > 0.95


def networks() -> Iterator[object]:
    for name in sorted(zoo.NETWORKS.keys() - UNKNOWN.keys()):
        yield name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", networks())
def test_a_network_of_the_zoo_computes_what_its_integer_model_computes(name: str) -> None:
    torch.manual_seed(0)
    model = export.export(build(zoo.network(name)).eval(), zoo.SHAPE)
    simulation = disturbed(Simulation(model, mapped(model, IMAGES, bits=4)))
    expected = shipped(simulation, IMAGES)
    difference = np.abs(simulated(simulation, IMAGES) - expected)
    assert difference.max() < STEPS * np.ptp(expected)
    assert np.median(difference) < (1e-6 if name != "transposed_convolution" else STEPS / 10) * np.ptp(expected)
    simulation(torch.from_numpy(IMAGES)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in simulation.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", UNKNOWN)
def test_an_operator_that_is_not_simulated_is_named_with_the_cure(name: str) -> None:
    model = export.export(build(zoo.network(name)).eval(), zoo.SHAPE)
    with pytest.raises(ModelError, match=rf"{UNKNOWN[name]}.*cannot be trained with learned steps.*Leave `method` out"):
        Simulation(model, mapped(model, IMAGES, bits=8))


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("per_channel", [True, False])
def test_logits_are_equal_but_for_the_order_of_sums(bits: int, per_channel: bool) -> None:
    images, model = random_networks.images(64), random_networks.exported()
    simulation = disturbed(Simulation(model, mapped(model, images, bits, per_channel)))
    expected = shipped(simulation, images)
    assert_equal_but_for_ties(simulated(simulation, images), expected)


@pytest.mark.parametrize("bits", [4, 5, 7, 16])
def test_activations_of_any_width_are_equal_but_for_the_order_of_sums(bits: int) -> None:
    images, model = random_networks.images(64), random_networks.exported()
    simulation = disturbed(Simulation(model, mapped(model, images, bits=3, activation_bits=bits)))
    expected = shipped(simulation, images)
    difference = np.abs(simulated(simulation, images) - expected).max(axis=1) / np.ptp(expected)
    # A value between two integers goes a step of its tensor farther; with 16 bits any sum is near to one.
    assert difference.max() < 2 / 2**bits
    assert bits == 16 or (difference < 1e-6).mean() > 0.95


def test_a_clip_whose_range_is_learned_to_be_wider_still_clips() -> None:
    images, model = random_networks.images(64), random_networks.exported()
    scaled = [tensor for tensor in model.graph.initializer if tensor.name == "third.weight"]
    for tensor in scaled:
        tensor.CopyFrom(numpy_helper.from_array(20 * numpy_helper.to_array(tensor), tensor.name))
    simulation = Simulation(model, mapped(model, images, bits=8)).eval()
    with torch.no_grad():
        for name, parameter in simulation.named_parameters():
            if name.endswith("ratio") and parameter.dim() == 0:
                parameter.mul_(1.5)
    _, mapping = simulation.learned()
    assert float(mapping.activations["relu6"].scale) * 255 > 6.5
    expected = shipped(simulation, images)
    assert_equal_but_for_ties(simulated(simulation, images), expected)


class _Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12)
        self.second, self.head = nn.Conv2d(12, 16, 3, padding=1), nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.relu6(self.second(self.norm(self.first(x)).relu()))
        return self.head(x.mean((2, 3)))


digits = zoo.digits


@pytest.fixture(scope="module")
def student(digits: Data) -> onnx.ModelProto:
    training = small_data.training(epochs=12, batch_size=64, learning_rate=0.01)
    trained = train_network(_Convolutional, digits, training, Views(views=1, seed=0), lambda _: supervised())
    return export.export(trained.model, zoo.SHAPE)


@pytest.mark.parametrize(("bits", "activation_bits"), [(2, 8), (3, 8), (4, 8), (8, 8), (8, 4), (3, 4)])
def test_the_session_is_as_accurate_as_the_training_said(
    student: onnx.ModelProto, digits: Data, bits: int, activation_bits: int
) -> None:
    """Within one sample in a thousand, on the whole of the digits; and more accurate than the calibrated model."""
    training = small_data.training(epochs=5, batch_size=64, learning_rate=0.003)
    calibration = zoo.normalize(digits.train.samples[:256], digits.description).numpy()
    mapping = mapped(student, calibration, bits, activation_bits=activation_bits)
    simulation = Simulation(student, mapping)
    trained = train_network(lambda: simulation, digits, training, Views(views=1, seed=0), lambda _: supervised())

    images = torch.cat([digits.validation.samples, digits.train.samples])
    labels = torch.cat([digits.validation.labels, digits.train.labels]).numpy()
    inputs = zoo.normalize(images, digits.description).numpy()
    logits = inference.logits(trained.model, images, digits.description).numpy()
    found = shipped(simulation, inputs)
    accuracy = [float((each.argmax(1) == labels).mean()) for each in (logits, found)]
    assert abs(accuracy[0] - accuracy[1]) <= 0.001
    assert (np.abs(logits - found) > 1e-5 * np.ptp(found)).mean() < 0.02

    before = qdq.write(student, mapping).model
    calibrated_logits = session.predict(session.open_session(before.SerializeToString()), inputs)
    gain = accuracy[1] - float((calibrated_logits.argmax(1) == labels).mean())
    assert gain > {2: 0.2, 3: 0.0, 4: 0.0, 8: -0.01}[bits]
    assert accuracy[1] > {2: 0.8, 3: 0.9, 4: 0.9, 8: 0.9}[bits]


def test_constants_that_are_no_weights_stay() -> None:
    """A mask and a factor are added and multiplied, and not trained."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["input", "factor"], ["scaled"]),
            helper.make_node("Add", ["scaled", "mask"], ["masked"]),
            helper.make_node("MatMul", ["masked", "weight"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["logits"]),
        ],
        "network",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [
            numpy_helper.from_array(np.random.default_rng(0).normal(size=shape).astype(np.float32), name)
            for name, shape in {"factor": (4,), "mask": (1, 4), "weight": (4, 3), "bias": (3,)}.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    images = np.random.default_rng(1).normal(size=(32, 4)).astype(np.float32)
    simulation = disturbed(Simulation(model, mapped(model, images, bits=8)))
    before = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    after = {tensor.name: numpy_helper.to_array(tensor) for tensor in simulation.learned()[0].graph.initializer}
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {"weight", "bias"}
    expected = shipped(simulation, images)
    assert_equal_but_for_ties(simulated(simulation, images), expected)
