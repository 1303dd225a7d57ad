"""What every method of quantization ends in: which integers each tensor of a float ONNX model maps to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from compression_ops.quantization.affine import Affine


@dataclass(frozen=True)
class QuantizationMapping:
    """Scales and zero points, calibrated or learned. A node with an operand or a result in neither part stays float.

    weights      by the name of the initializer: weights, and constants that are added or multiplied
    activations  by the name of the tensor: the model's input and what its nodes compute, one scale each
    rounded      by the name of the initializer: the integers, int [the weight's shape], of those that are not to be
                 the nearest ones

    Biases are in neither: they get the scale of the sums that they are added to.
    """

    weights: Mapping[str, Affine]
    activations: Mapping[str, Affine]
    rounded: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
