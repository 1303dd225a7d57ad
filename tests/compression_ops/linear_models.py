"""Linear classifiers as ONNX, made without torch, whose logits can be told by hand."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def linear(weights: np.ndarray, shape: tuple[int, ...], padding: int = 0) -> onnx.ModelProto:
    """Logits = flattened image @ weights; weights [C·H·W, classes]. `padding` bytes of documentation enlarge the file.

    As `onnx_export` writes: input `input` float32 [batch, *shape], output `logits` float32 [batch, classes].
    """
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", weights.shape[1]])],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
        doc_string="x" * padding,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def column_brightness(shape: tuple[int, ...], classes: int) -> np.ndarray:
    """Weights by which logit k is the sum of columns 2k and 2k + 1: the classifier of `small_data`."""
    weights = np.zeros((*shape, classes), np.float32)
    for label in range(classes):
        weights[:, :, 2 * label : 2 * label + 2, label] = 1
    return weights.reshape(-1, classes)
