"""The values that flow through an ONNX model: what calibration looks at."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, shape_inference

from compression_ops.errors import ModelError

# Each call starts over and yields, batch by batch, the float32 values of every tensor by its name.
Replay = Callable[[], Iterator[Mapping[str, np.ndarray]]]
# The smallest and largest value that a tensor's integers shall stand for, by the tensor's name.
Ranges = Mapping[str, tuple[float, float]]


def replay(model: onnx.ModelProto, inputs: np.ndarray, batch_size: int = 64) -> Replay:
    """Run float32 `inputs` [N, ...] through a float model as often as a calibrator asks.

    Yields the model's input and every float tensor that a node computes. Only one batch of them is in memory at a time.
    """
    observed = shape_inference.infer_shapes(model, strict_mode=True)
    known = {value.name: value.type.tensor_type.elem_type for value in observed.graph.value_info}
    known |= {value.name: value.type.tensor_type.elem_type for value in observed.graph.output}
    computed = [name for node in observed.graph.node for name in node.output]
    names = [name for name in computed if known.get(name) == onnx.TensorProto.FLOAT]
    del observed.graph.output[:]
    observed.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    running = session(observed)
    input_name = model.graph.input[0].name

    def batches() -> Iterator[Mapping[str, np.ndarray]]:
        for start in range(0, len(inputs), batch_size):
            batch = inputs[start : start + batch_size]
            values = running.run(names, {input_name: batch})
            yield {input_name: batch, **{name: np.asarray(value) for name, value in zip(names, values, strict=True)}}

    return batches


def bounds(replay: Replay) -> Ranges:
    """The smallest and largest value of each tensor that is finite throughout; only these can be quantized.

    Infinities are of use inside a network (a padding that no maximum takes, a mask before a softmax).
    Raises ModelError where a value is no number.
    """
    ranges: dict[str, tuple[float, float]] = {}
    for batch in replay():
        for name, values in batch.items():
            low, high = float(values.min()), float(values.max())
            if math.isnan(low):
                raise ModelError(
                    f"tensor {name!r} of the model holds NaN on the calibration samples. Train with a smaller learning "
                    "rate, or look for a division by zero, or a difference or product of infinities, before it"
                )
            before = ranges.get(name, (low, high))
            ranges[name] = (min(low, before[0]), max(high, before[1]))
    return {name: span for name, span in ranges.items() if all(map(math.isfinite, span))}


def told(model: onnx.ModelProto, tensor: str) -> str:
    """A tensor by its name, what computes it, and the weight that a user knows it by."""
    weights = {constant.name for constant in model.graph.initializer if len(constant.dims) > 1}
    for node in model.graph.node:
        if tensor in node.output:
            weight = next((f" with {name}" for name in node.input if name in weights), "")
            return f"tensor {tensor!r} ({node.op_type}{weight})"
    return f"tensor {tensor!r}"


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    """One that computes the tensors of the graph as it is, the same on any number of cores."""
    options = ort.SessionOptions()
    # Fusion would compute other tensors than those of the graph that is quantized; one thread sums in one order.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
