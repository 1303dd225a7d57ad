"""Bias correction: what the rounding of the weights adds to the mean of each channel is taken from its bias.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", §4.2 and appendix D, the
empirical form: with y a layer's output before its activation, over the calibration samples,

    b <- b + E[y of the float network] - E[y of the quantized network]

layer by layer, each after all that it reads.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.post_training import fake_quantization


def corrected(model: onnx.ModelProto, mapping: QuantizationMapping, inputs: np.ndarray) -> onnx.ModelProto:
    """The float `model` with other biases, for quantization by `mapping`. The argument is not changed.

    inputs  float32 [N, ...], the calibration samples

    A layer without a bias gets one; one whose bias another layer shares gets its own.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    layers = [node for node, _ in fake_quantization.products(model, mapping)]
    for node in layers:
        output = node.output[0]
        expected, found = (
            _means(fake_quantization.values(each, [output], inputs)[output])
            for each in (model, fake_quantization.simulated(result, mapping))
        )
        _add_to_bias(result.graph, output, (expected - found).astype(np.float32))
    return result


def _means(values: np.ndarray) -> np.ndarray:
    """float64 [C] of a layer's output [N, C, ...]."""
    return values.mean(axis=tuple(axis for axis in range(values.ndim) if axis != 1), dtype=np.float64)


def _add_to_bias(graph: onnx.GraphProto, output: str, change: np.ndarray) -> None:
    node = next(node for node in graph.node if output in node.output)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    given = node.input[2] if len(node.input) > 2 else ""
    before = numpy_helper.to_array(constants[given]) if given in constants else np.zeros_like(change)
    if given and given not in constants:  # it is computed
        return
    readers = sum(list(other.input).count(given) for other in graph.node)
    name = given if given and readers == 1 else f"{node.input[1]}.bias"
    if name in constants:
        graph.initializer.remove(constants[name])
    graph.initializer.append(numpy_helper.from_array(before + change, name))
    node.input[:] = [*node.input[:2], name]
