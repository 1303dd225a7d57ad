"""The precisions that onnxruntime's CPU kernels really compute in, for the recipes to choose from.

Measured with onnxruntime 1.32 on static QDQ models of convolutions and linear layers:

- 8-bit weights with 8-bit activations run as integer kernels (QLinearConv, QGemm and the like).
- 4-bit weights are stored packed, two a byte, and widened to 8 bits once when the session loads: the file halves, the
  kernels are the same. Where a 4-bit weight feeds DequantizeLinear directly, onnxruntime computes in float instead.
- 2-bit weights cannot be widened (its Cast does not take them), and 3, 5, 6 and 7 bits need a container of 4 or 8 bits:
  they lose accuracy and save nothing.
- 16-bit activations have no integer kernels: such a model computes in float, slower than one never quantized.
"""

WEIGHT_BITS = (4, 8)
ACTIVATION_BITS = (8,)
