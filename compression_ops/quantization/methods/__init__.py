"""One way to a mapping a module: which scale and zero point each tensor of a float ONNX model gets."""
