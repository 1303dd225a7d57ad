"""ONNX models: exported, minimal, self-describing, run."""
