"""Of recordings a float layer that onnxruntime quantizes by itself is seen, too, beside the layers of the spectrum."""

import numpy as np
import onnx
import onnx.parser
import torch
from onnx import numpy_helper

from compression_ops.data.dataset import Description, Split
from compression_ops.data.modalities.signal import Signal
from compression_ops.onnx_model.layers.chosen_kernels import FLOAT, INTEGER
from compression_ops.progress import Progress, silent
from compression_ops.quantization import activations
from compression_ops.quantization.automatic_precision.trials import Widths
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.shipping import Shipping

_SIGNAL, _SAMPLES = Signal(8000, 20, 256, 128, 60.0, 4000.0), 2000
_LAYERS = ("first", "middle", "last")
_NETWORK = """
<ir_version: 10, opset_import: ["" : 21]>
network (float[batch, 1, 20, 14] input) => (float[batch, 8] logits)
{
    one = Conv <kernel_shape = [3, 3]> (input, first)
    two = Relu (one)
    three = Conv <kernel_shape = [3, 3]> (two, middle)
    four = Relu (three)
    five = Conv <kernel_shape = [3, 3]> (four, last)
    six = GlobalAveragePool (five)
    logits = Flatten <axis = 1> (six)
}
"""


def test_a_float_layer_that_would_run_on_integers_cannot_be() -> None:
    draw = np.random.default_rng(0)
    pcm = draw.integers(-9000, 9000, (24, _SAMPLES), dtype=np.int16)
    mean, std, _ = _SIGNAL.statistics(pcm, "train")
    description = Description(tuple("abcdefgh"), (_SAMPLES,), mean, std, _SIGNAL)
    images = _SIGNAL.normalize_array(pcm, description)
    model = onnx.parser.parse_model(_NETWORK)
    for name, inputs in zip(_LAYERS, (1, 8, 8), strict=True):
        weight = draw.normal(0, 0.2, (8, inputs, 3, 3)).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(weight, name))
    ranges = activations.bounds(activations.replay(model, images))
    mapping = calibrated.mapping(model, ranges, Precision())
    widths = Widths(model, mapping, ranges, Shipping(Precision(), images, description, ()))
    validation = Split(torch.from_numpy(pcm), torch.zeros(24, dtype=torch.int64))
    trials = widths.trials(validation, np.zeros((24, 8), np.float32), silent, Progress("choose", 0, 1))
    assert tuple(trials.shapes) == _LAYERS
    assert trials.timed is not None
    floats = [(), ("first",), ("middle",), ("last",), _LAYERS]
    found = trials.timed([{name: FLOAT if name in each else INTEGER for name in _LAYERS} for each in floats], 1)
    # The middle one alone reads and writes integers.
    assert [bool(np.isfinite(latencies).all()) for latencies in found] == [True, True, False, True, True]
