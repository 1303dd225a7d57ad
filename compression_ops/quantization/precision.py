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

WEIGHT_BITS = (4, 8)
ACTIVATION_BITS = (8,)
