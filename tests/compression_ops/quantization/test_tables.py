"""Tables of which indices pick rows: stored in few bits, picked as bytes, by indices that nothing rounds."""

from functools import cache

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from compression_ops.data.modalities.tokens import Tokens
from compression_ops.models.network import Network, build
from compression_ops.onnx_model import export, session
from compression_ops.quantization import activations, fidelity, integer_kernels, qdq, representable
from compression_ops.quantization.mapping import QuantizationMapping, indices, tables
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.simulation.graph import Simulation

ROWS, LENGTH, COLUMNS = 300, 20, 8
IDS = np.random.default_rng(0).integers(0, ROWS, (64, LENGTH)).astype(np.float32)
TABLE = "network.embedding.weight"


@cache
def exported(architecture: str = "text_cnn") -> onnx.ModelProto:
    torch.manual_seed(0)
    arguments = {"vocabulary": Tokens("hashed", ROWS).size, "dimensions": COLUMNS}
    return export.export(build(Network(architecture, (LENGTH,), 3, arguments, indices=ROWS)).eval(), (LENGTH,))


@pytest.fixture(scope="module")
def network() -> onnx.ModelProto:
    return exported()


def mapped(model: onnx.ModelProto, precision: Precision) -> QuantizationMapping:
    ranges = activations.bounds(activations.replay(model, IDS))
    mapping, left = representable.restrict(calibrated.mapping(model, ranges, precision), model, IDS)
    assert left == ()
    return mapping


def run(model: onnx.ModelProto) -> np.ndarray:
    return session.predict(session.open_session(model.SerializeToString()), IDS)


def test_the_indices_are_mapped_to_nothing_and_the_rows_to_the_tables_integers(network: onnx.ModelProto) -> None:
    assert indices(network.graph) == {"input"}
    ((rows, table),) = tables(network.graph).items()
    mapping = mapped(network, Precision())
    assert table == TABLE
    assert "input" not in mapping.activations
    assert mapping.activations[rows] is mapping.weights[table]


@pytest.mark.parametrize(
    ("weights", "activation_bits", "stored", "bits"),
    [
        (8, 8, "uint8", 8),
        (4, 8, "uint4", 4),
        (8, 4, "uint4", 4),
        (2, 8, "uint4", 4),
        (5, 8, "packed in 5 bits", 5),
        (8, 7, "packed in 7 bits", 7),
    ],
)
def test_a_table_is_stored_in_the_fewer_bits_and_all_that_computes_runs_on_integers(
    weights: int, activation_bits: int, stored: str, bits: int, network: onnx.ModelProto
) -> None:
    precision = Precision(weight_bits=weights, activation_bits=activation_bits)  # type: ignore[arg-type]
    written = qdq.write(network, mapped(network, precision))
    assert written.storage[TABLE] == stored
    content = written.model.SerializeToString()
    assert len(content) < len(network.SerializeToString()) - ROWS * COLUMNS * (4 - bits / 8)
    assert integer_kernels.kernels(content).floating == {}


def test_a_row_is_the_integers_of_the_table_times_their_scale(network: onnx.ModelProto) -> None:
    """Jacob et al. 2018, with the extremes of the whole table: every row that is picked, as NumPy rounds it."""
    ((rows, table),) = tables(network.graph).items()
    written = qdq.write(network, mapped(network, Precision()))
    floats = {tensor.name: numpy_helper.to_array(tensor) for tensor in network.graph.initializer}[table]
    scale = np.float32((max(floats.max(), 0) - min(floats.min(), 0)) / 255)
    zero = np.rint(-min(floats.min(), 0) / scale)
    expected = (np.clip(np.rint(floats / scale) + zero, 0, 255) - zero) * scale
    model = onnx.ModelProto()
    model.CopyFrom(written.model)
    model.graph.output.append(helper.make_tensor_value_info(written.tensors[rows], TensorProto.FLOAT, None))
    found = session.open_session(model.SerializeToString()).run(None, {"input": IDS})[1]
    np.testing.assert_allclose(np.asarray(found), expected[IDS.astype(int)], atol=1e-6)


@pytest.mark.parametrize("architecture", ["text_cnn", "embedding_bag"])
def test_the_logits_stay_close_and_every_tensor_is_true_to_its_float_values(architecture: str) -> None:
    model = exported(architecture)
    written = qdq.write(model, mapped(model, Precision()))
    expected = run(model)
    assert np.abs(run(written.model) - expected).max() < 0.05 * np.ptp(expected)
    assert max(fidelity.relative_errors(model, written, IDS).values()) < 0.05


def test_a_relu_on_the_rows_stays_since_they_keep_the_tables_integers() -> None:
    values = np.random.default_rng(1).normal(size=(ROWS, COLUMNS)).astype(np.float32)
    weight = np.random.default_rng(2).normal(size=(COLUMNS, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["input"], ["ids"], to=TensorProto.INT64),
            helper.make_node("Gather", ["table", "ids"], ["rows"]),
            helper.make_node("Relu", ["rows"], ["above"]),
            helper.make_node("MatMul", ["above", "weight"], ["logits"]),
        ],
        "network",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(values, "table"), numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    inputs = IDS[:, 0]
    ranges = activations.bounds(activations.replay(model, inputs))
    written = qdq.write(model, calibrated.mapping(model, ranges, Precision()))
    found = session.open_session(written.model.SerializeToString()).run(None, {"input": inputs})[0]
    expected = np.maximum(values[inputs.astype(int)], 0) @ weight
    assert np.abs(np.asarray(found) - expected).max() < 0.05 * np.ptp(expected)


def test_rows_that_constants_pick_are_no_tables() -> None:
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "places"], ["rows"]), helper.make_node("Add", ["input", "rows"], ["y"])],
        "network",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 2, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2, 3])],
        [
            numpy_helper.from_array(np.ones((5, 3), np.float32), "table"),
            numpy_helper.from_array(np.array([1, 2]), "places"),
        ],
    )
    assert tables(graph) == {}
    assert indices(graph) == set()


def test_the_simulation_that_is_trained_is_the_model_that_is_shipped(network: onnx.ModelProto) -> None:
    simulation = Simulation(network, mapped(network, Precision(weight_bits=4)))
    inputs = torch.from_numpy(IDS)
    optimizer = torch.optim.SGD(simulation.parameters(), 0.05)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(simulation(inputs), torch.arange(len(IDS)) % 3).backward()
        optimizer.step()
    model, mapping = simulation.learned()
    before, after = ({t.name: numpy_helper.to_array(t) for t in each.graph.initializer} for each in (network, model))
    assert not np.array_equal(before[TABLE], after[TABLE])
    expected = simulation(inputs).detach().numpy()
    assert np.abs(run(qdq.write(model, mapping).model) - expected).max() < 1e-2 * np.ptp(expected)
