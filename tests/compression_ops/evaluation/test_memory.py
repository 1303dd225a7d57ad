"""Peak memory is the model's own: it grows with the weights and knows nothing of the process that asks."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compression_ops.errors import ModelError
from compression_ops.evaluation import memory

MEGABYTE = 1_000_000


def linear_model(file: Path, outputs: int) -> Path:
    weights = numpy_helper.from_array(np.ones((4, outputs), dtype=np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["input", "weights"], ["logits"])],
        "linear",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", outputs])],
        [weights],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    return file


def test_a_model_with_large_weights_takes_that_much_more_and_the_callers_memory_does_not_count(tmp_path: Path) -> None:
    small, large = linear_model(tmp_path / "s.onnx", 3), linear_model(tmp_path / "l.onnx", 5 * MEGABYTE)
    ballast = np.ones(300 * MEGABYTE, dtype=np.uint8)
    small_bytes, large_bytes = memory.measure([small, large], (4,), batch_size=1, threads=1)
    assert len(ballast)
    assert small_bytes is not None
    assert large_bytes is not None
    assert 0 <= small_bytes < 60 * MEGABYTE
    assert large_bytes - small_bytes > 80 * MEGABYTE


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"broken\.onnx does not run in a process of its own"):
        memory.measure([tmp_path / "broken.onnx"], (4,), batch_size=1, threads=1)


def test_the_measuring_process_loads_onnxruntime_but_nothing_large_besides() -> None:
    script = "import compression_ops.evaluation.memory, compression_ops.onnx_model.session, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "onnxruntime" in loaded
    assert not {"torch", "onnx", "pandas", "scipy", "matplotlib"} & set(loaded)
