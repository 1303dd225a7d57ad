"""How true each tensor of a quantized model is to its float twin, both run by onnxruntime on the same samples."""

import math
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper

from compression_ops.onnx_model import session
from compression_ops.quantization import activations
from compression_ops.quantization.qdq import QdqModel

_SAMPLES, _BATCH = 128, 64
# By the bits of weights or activations, whichever are fewer. Of digits networks (strided_cnn, tiny_cnn, resnet, vgg;
# three calibrations; one scale a tensor or a channel) that lost at most one point of accuracy, no tensor exceeded 0.045
# with 8 bits and 0.27 with 4; between them, and below, as much as halved or doubled steps make of it.
_USUAL = {8: 0.1, 7: 0.1, 6: 0.12, 5: 0.2, 4: 0.3, 3: 0.6, 2: 1.0}


def relative_errors(model: onnx.ModelProto, quantized: QdqModel, inputs: np.ndarray) -> dict[str, float]:
    """‖x' - x‖ / ‖x‖ of each quantized tensor x' over float32 `inputs` [N, ...], in the order of computation.

    At most 128 of them are run, evenly spaced. `model` is the float model of `quantized`; the names are its own. The
    signal-to-quantization-noise ratio in decibels is -20 log10 of this (Bennett 1948, "Spectra of Quantized Signals").
    0 where both are 0 throughout, 1 where x alone is.
    """
    if not quantized.tensors:
        return {}
    observed = onnx.ModelProto()
    observed.CopyFrom(quantized.model)
    outputs = {value.name for value in observed.graph.output}
    names = dict.fromkeys(quantized.tensors.values())
    observed.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names if name not in outputs
    )
    running = session.open_session(observed.SerializeToString())
    signal, noise = dict.fromkeys(quantized.tensors, 0.0), dict.fromkeys(quantized.tensors, 0.0)
    chosen = inputs[:: -(-len(inputs) // _SAMPLES) or 1]
    for batch in activations.replay(model, chosen, _BATCH)():
        values = running.run(list(names), {model.graph.input[0].name: batch[model.graph.input[0].name]})
        integers = dict(zip(names, values, strict=True))
        for name, after in quantized.tensors.items():
            expected = batch[name].astype(np.float64)
            signal[name] += float(np.square(expected).sum())
            noise[name] += float(np.square(np.asarray(integers[after], np.float64) - expected).sum())
    order = [model.graph.input[0].name, *(name for node in model.graph.node for name in node.output)]
    return {name: _ratio(noise[name], signal[name]) for name in order if name in signal}


def _ratio(noise: float, signal: float) -> float:
    if signal == 0:
        return float(noise > 0)
    return math.sqrt(noise / signal)


def warnings(
    model: onnx.ModelProto, errors: Mapping[str, float], weight_bits: int, activation_bits: int = 8
) -> tuple[str, ...]:
    """At most one sentence, on the tensors whose relative error is beyond what so few bits usually cost."""
    usual = _USUAL[min(weight_bits, activation_bits)]
    far = {name: error for name, error in errors.items() if error > usual}
    if not far:
        return ()
    first, worst = next(iter(far)), max(far, key=far.__getitem__)
    others = f", and so {'does' if len(far) == 2 else 'do'} {len(far) - 1} after it" if len(far) > 1 else ""
    at_worst = f", at worst {activations.told(model, worst)} by {_percent(far[worst])}" if worst != first else ""
    return (
        f"{activations.told(model, first)} differs from its float values by {_percent(far[first])}{others}{at_worst}; "
        f"with {weight_bits}-bit weights and {activation_bits}-bit activations {_percent(usual)} is the most that is "
        "usual. Few large values may make its steps too coarse: try another calibration method, per_channel or more "
        "weight bits, or a network that scales less",
    )


def _percent(error: float) -> str:
    return f"{100 * error:.0f} %"
