"""Costs are those of the closed forms, and the same before and after quantization."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from compression_ops.errors import ModelError
from compression_ops.evaluation import cost as model_cost
from compression_ops.evaluation.measurements import Cost
from compression_ops.quantization import activations, qdq
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from tests.compression_ops import random_networks


def one_node(op: str, weight: tuple[int, ...], shape: list[int | str], rank: int, **attributes: object) -> bytes:
    bias = weight[0] if op in ("Conv", "Gemm") else None
    constants = {"w": np.ones(weight, np.float32)} | ({"b": np.ones(bias, np.float32)} if bias else {})
    graph = helper.make_graph(
        [helper.make_node(op, ["input", *constants], ["logits"], **attributes)],
        "one",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch"] + [None] * (rank - 1))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


@pytest.mark.parametrize(
    ("model", "parameters", "macs"),
    [
        # Filters × their size × the positions of the output.
        (one_node("Conv", (8, 3, 3, 3), [3, 10, 10], 4), 8 * 27 + 8, 8 * 27 * 8 * 8),
        (one_node("Conv", (8, 3, 3, 3), [3, 10, 10], 4, pads=[1, 1, 1, 1]), 8 * 27 + 8, 8 * 27 * 10 * 10),
        (one_node("Conv", (8, 3, 3, 3), [3, 10, 10], 4, pads=[1] * 4, strides=[2, 2]), 8 * 27 + 8, 8 * 27 * 5 * 5),
        (one_node("Conv", (6, 1, 5, 5), [6, 9, 9], 4, group=6), 6 * 25 + 6, 6 * 25 * 5 * 5),
        (one_node("ConvTranspose", (3, 4, 2, 2), [3, 5, 5], 4, strides=[2, 2]), 3 * 4 * 4, 3 * 5 * 5 * 4 * 4),
        (one_node("Gemm", (10, 7), [7], 2, transB=1), 7 * 10 + 10, 70),
        (one_node("MatMul", (7, 10), [7], 2), 70, 70),
        (one_node("MatMul", (7, 10), [4, 7], 3), 70, 4 * 70),
    ],
)
def test_a_layer_costs_what_its_closed_form_says(model: bytes, parameters: int, macs: int) -> None:
    assert model_cost.measure(model) == Cost(parameters, len(model), 4 * parameters, macs)


def test_a_network_costs_what_torch_counts() -> None:
    network = random_networks.small()
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *random_networks.SHAPE))
    cost = model_cost.measure(random_networks.exported().SerializeToString())
    assert cost.macs == counter.get_total_flops() // 2
    # Batch norm's 32 parameters became 16 biases.
    assert cost.parameters == sum(p.numel() for p in network.parameters()) - 16
    assert cost.weight_bytes == 4 * cost.parameters


@pytest.mark.parametrize(("bits", "limit"), [(8, 1.15), (6, 0.9), (4, 0.65), (3, 0.525), (2, 0.4)])
def test_quantization_changes_the_bytes_and_not_the_counts(bits: int, limit: float) -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(4)))
    mapping = calibrated.mapping(model, ranges, Precision(weight_bits=bits))
    quantized = qdq.write(model, mapping).model.SerializeToString()
    before, after = model_cost.measure(model.SerializeToString()), model_cost.measure(quantized)
    assert after.parameters == before.parameters
    assert after.macs == before.macs
    assert after.weight_bytes < limit * before.parameters
    assert after.file_bytes == len(quantized)


def test_a_file_costs_what_its_bytes_cost(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(random_networks.exported(), path)
    assert model_cost.measure(path) == model_cost.measure(path.read_bytes())


def test_bounds_and_shapes_are_no_parameters() -> None:
    class Bounded(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.relu6(x).reshape(-1, 4, 36).mean(2)

    from compression_ops.onnx_model import export

    cost = model_cost.measure(export.export(Bounded(), random_networks.SHAPE).SerializeToString())
    assert (cost.parameters, cost.macs, cost.weight_bytes) == (0, 0, 0)


def test_unknown_image_sizes_are_refused() -> None:
    model = one_node("Conv", (8, 3, 3, 3), [3, "height", "width"], 4)
    with pytest.raises(ModelError, match="cannot be counted"):
        model_cost.measure(model)


class Recurrent(nn.Module):
    """Reads an image row by row; what follows a recurrence has shapes that nothing can infer."""

    def __init__(self, kind: type[nn.RNNBase], *, both_ways: bool) -> None:
        super().__init__()
        self.cell = kind(6, 5, batch_first=True, bidirectional=both_ways)
        self.head = nn.Linear(5 * (1 + both_ways), 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(x.mean(1))[0][:, -1])


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
@pytest.mark.parametrize("both_ways", [False, True])
def test_a_recurrence_costs_its_weights_at_each_step(kind: type[nn.RNNBase], gates: int, both_ways: bool) -> None:
    from compression_ops.onnx_model import export

    cost = model_cost.measure(export.export(Recurrent(kind, both_ways=both_ways), (2, 7, 6)).SerializeToString())
    directions = 1 + both_ways
    assert cost.macs == 7 * directions * gates * 5 * (6 + 5) + 5 * directions * 3


class Sorted(nn.Module):
    """Shapes after a sort are known in a run alone."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(36, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.mean(1).flatten(1).sort(1).values.roll(1, 1))


def test_shapes_that_cannot_be_inferred_are_looked_at() -> None:
    from compression_ops.onnx_model import export

    assert model_cost.measure(export.export(Sorted(), (2, 6, 6)).SerializeToString()).macs == 36 * 3
