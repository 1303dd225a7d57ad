"""The precisions that onnxruntime's CPU kernels really compute in, for the recipes to choose from.

Measured with onnxruntime 1.32 on static QDQ models of convolutions and linear layers:

- 8-bit weights with 8-bit activations run as integer kernels (QLinearConv, QGemm and the like).
- Weights of 2 to 7 bits are stored packed, in as many bits as they have, and widened to 8 once when the session loads:
  the file shrinks, the kernels are the same. 4 bits have a type of ONNX's own from opset 21 on; the other widths, and 4
  bits in older opsets, are unpacked by operators of opset 13 (see `onnx_model.packed`). Where a 4-bit weight feeds
  DequantizeLinear directly, onnxruntime computes in float instead.
- 2 bits have a type from opset 25 on, which the oldest onnxruntime that we allow does not read.
- Activations of 4 to 7 bits are bytes that take no larger value, by a Clip on the bytes: kernels of 8 bits, no faster.
- 16-bit activations have no integer kernels: such a model computes in float, slower than one never quantized.
"""

from typing import Literal

from pydantic import Field

from compression_ops.spec import Spec

WEIGHT_BITS = (2, 3, 4, 5, 6, 7, 8)
ACTIVATION_BITS = (4, 5, 6, 7, 8, 16)
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
    rounding: Literal["nearest", "adaround"] = Field(
        default="nearest", description="`adaround`: learned up or down, by each layer's output; pays below 5 bits."
    )
    rounding_steps: int = Field(default=1000, ge=1, le=100_000, description="Of `adaround`, for each layer.")
    bias_correction: bool = Field(
        default=False, description="Take what rounding adds to the mean of each channel from its bias."
    )
    equalization: bool = Field(
        default=False, description="Scale channels of layers in a row to equal ranges; for one scale a tensor."
    )
    opset: int = Field(
        default=NEWEST_OPSET,
        ge=OLDEST_OPSET,
        le=NEWEST_OPSET,
        description="Of the shipped model: onnxruntime 1.20 runs 21, 1.17 runs 20, 1.16 runs 19, 1.15 runs 18.",
    )
