"""Targets below a quantized student, one a module, found by its file name: `onnx.py` is `targets: [onnx]`, or with
options `targets: [{type: onnx, opset: 17}]`. What a module defines: see `compression_ops.target`.
"""
