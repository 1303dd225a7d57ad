"""The precisions that onnxruntime's CPU kernels really compute in, for the recipes to choose from.

Measured with onnxruntime 1.32 on static QDQ models of convolutions and linear layers:

- 8-bit weights with 8-bit activations run as integer kernels (QLinearConv, QGemm and the like).
- 4-bit weights are stored packed, two a byte, and widened to 8 bits once when the session loads: the file shrinks, the
  kernels are the same. Where a 4-bit weight feeds DequantizeLinear directly, onnxruntime computes in float instead.
- 3, 5, 6 and 7 bits have no packed form in ONNX: in a container of 4 or 8 bits they lose accuracy and save nothing.
- 2 bits have one from opset 25 on, which the oldest onnxruntime that we allow does not read; and without training for
  it, two bits left a digits network of 99 % accuracy with 31 %.
- 16-bit activations have no integer kernels: such a model computes in float, slower than one never quantized.
"""

from typing import Literal

from pydantic import Field

from compression_ops.spec import Spec

WEIGHT_BITS = (4, 8)
ACTIVATION_BITS = (8,)
# Of the operators in which the model is written. 4-bit integers are of the newest; an older one is for older runtimes,
# see `onnx_model.opset`.
OLDEST_OPSET, NEWEST_OPSET = 15, 21


class Precision(Spec):
    """How fine the integers are: bits, how many scales a weight has, and whether a bit is left free for sums; and in
    which operators they are computed.
    """

    weight_bits: Literal[WEIGHT_BITS] = Field(default=8, description="Bits that onnxruntime runs.")  # type: ignore[valid-type]
    activation_bits: Literal[ACTIVATION_BITS] = Field(default=8)  # type: ignore[valid-type]
    per_channel: bool = Field(default=True, description="One weight scale an output channel instead of one a tensor.")
    reduce_range: bool = Field(
        default=True, description="7 of 8 weight bits, so that sums are exact on CPUs without VNNI too."
    )
    opset: int = Field(
        default=NEWEST_OPSET,
        ge=OLDEST_OPSET,
        le=NEWEST_OPSET,
        description="Of the shipped model: onnxruntime 1.20 runs 21, 1.17 runs 20, 1.16 runs 19, 1.15 runs 18.",
    )
