"""From a float network to an integer ONNX model: scales, ranges, graph and kernels."""
