"""Older operators and the oldest IR that has them; the same numbers, or a refusal that names the operator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from compression_ops.errors import ModelError
from compression_ops.onnx_model import session
from compression_ops.onnx_model.export import export
from compression_ops.onnx_model.opset import lowered

SHAPE = (4, 6, 6)
# Which onnxruntime runs which was tried by hand: see `opset`.
IR = {15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10}


class Halves(nn.Module):
    """Splits its channels, an operator whose form before opset 18 the converter does not know."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.mean(dim=(2, 3)).chunk(2, dim=1)
        return first * second


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "convolution": lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3)),
    "gelu": lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.GELU(), nn.Linear(8, 3)),
    "group_norm": lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(144, 3)),
    "layer_norm": lambda: nn.Sequential(nn.Flatten(), nn.LayerNorm(144), nn.Linear(144, 3)),
    "mish": lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.Mish(), nn.Linear(8, 3)),
    "halves": Halves,
}


def _operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("opset", [17, 18, 19, 20, 21])
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "halves"])
def test_a_network_computes_the_same_in_an_older_opset(name: str, opset: int) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name]().eval()
    model = export(network, SHAPE)
    before = model.SerializeToString()
    images = torch.randn(5, *SHAPE)
    found = lowered(model, opset)
    assert model.SerializeToString() == before
    assert [(each.domain, each.version) for each in found.opset_import] == [("", opset)]
    assert found.ir_version == IR[opset]
    with torch.inference_mode():
        expected = network(images).numpy()
    logits = session.predict(session.open_session(found.SerializeToString()), images.numpy())
    np.testing.assert_allclose(logits, expected, atol=1e-5 * np.ptp(expected))


def test_an_operator_that_the_opset_does_not_have_is_written_out_by_others() -> None:
    model = export(NETWORKS["gelu"](), SHAPE)
    assert "Gelu" in _operators(model)
    assert "Gelu" in _operators(lowered(model, 20))
    assert "Gelu" not in _operators(lowered(model, 19))


def test_what_has_no_older_form_is_refused_by_name() -> None:
    model = export(NETWORKS["halves"](), SHAPE)
    assert "Split" in _operators(lowered(model, 18))
    with pytest.raises(ModelError, match=r"in opset 17: its operator Split has no form there.*a larger `opset`"):
        lowered(model, 17)


def test_integers_of_four_bits_have_no_older_form() -> None:
    weight = helper.make_tensor("w", TensorProto.INT4, [2, 2], b"\x12\x34", raw=True)
    scale = helper.make_tensor("s", TensorProto.FLOAT, [], [0.5])
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["weight"]),
        helper.make_node("MatMul", ["input", "weight"], ["logits"]),
    ]
    value: Any = helper.make_tensor_value_info
    ends = [[value(name, TensorProto.FLOAT, ["batch", 2])] for name in ("input", "logits")]
    graph = helper.make_graph(nodes, "network", *ends, [weight, scale])
    with pytest.raises(ModelError, match="cannot be written in opset 20"):
        lowered(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), 20)
