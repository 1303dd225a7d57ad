"""What a post-training quantization learns from the calibration samples beside ranges: rounding, and biases."""

import numpy as np
import onnx

from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.post_training import adaround, bias_correction
from compression_ops.quantization.precision import Precision


def refined(
    model: onnx.ModelProto, mapping: QuantizationMapping, precision: Precision, inputs: np.ndarray
) -> tuple[onnx.ModelProto, QuantizationMapping]:
    """The float model and the mapping as `precision` asks, from `inputs` float32 [N, ...]; no argument changes."""
    if precision.rounding == "adaround":
        mapping = adaround.rounded(model, mapping, inputs, precision.rounding_steps)
    if precision.bias_correction:
        model = bias_correction.corrected(model, mapping, inputs)
    return model, mapping
