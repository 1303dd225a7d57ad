"""A small quantized student as the stage writes it, made once a process for each of its precisions."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from compression_ops.stages import quantized_student
from compression_ops.stages.stage import Context
from tests.compression_ops.random_networks import SHAPE
from tests.compression_ops.stages.test_quantized_student import PARAMETERS, write_dataset, write_student


@cache
def _written(weight_bits: int, opset: int) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        inputs = {"dataset": write_dataset(root / "dataset"), "student": write_student(root / "student")}
        (root / "output").mkdir()
        parameters = PARAMETERS | {"weight_bits": weight_bits, "opset": opset}
        quantized_student.run(
            quantized_student.QuantizedStudent.model_validate(parameters), inputs, Context(root / "output")
        )
        return (root / "output" / "model.onnx").read_bytes()


def write(folder: Path, weight_bits: int = 8, opset: int = 21) -> Path:
    """The folder of its artifact; returns the model."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(_written(weight_bits, opset))
    return folder / "model.onnx"


def pixels(count: int, seed: int = 0) -> np.ndarray:
    """uint8 [count, *SHAPE], each value as likely."""
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), dtype=np.uint8)
