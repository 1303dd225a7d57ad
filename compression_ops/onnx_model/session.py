"""The onnxruntime session in which a model is checked, measured and used: the CPU, all graph optimizations, quiet."""

import uuid
from contextvars import ContextVar
from pathlib import Path

import numpy as np
import onnxruntime as ort

from compression_ops.data.storage import mapped
from compression_ops.errors import ModelError

_LOG_ERRORS_ONLY = 3
# Where sessions that are opened write their own profile when they end; None, as it is everywhere else, is nowhere.
PROFILES: ContextVar[Path | None] = ContextVar("PROFILES", default=None)


def open_session(model: bytes | Path, threads: int = 1, optimized: Path | None = None) -> ort.InferenceSession:
    """Open a session over serialized ONNX, or over a file of it, that computes on `threads` cores.

    Where `optimized` is given, the graph that onnxruntime runs after its optimizations is written there.
    Raises ModelError if onnxruntime cannot run the model.
    """
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_ERRORS_ONLY
    # Idle workers that spin would take the cores from whatever runs next, such as the other model of a comparison.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    if (folder := PROFILES.get()) is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / uuid.uuid4().hex)
    name = f"the ONNX model {model}" if isinstance(model, Path) else f"the ONNX model of {len(model)} bytes"
    try:
        return ort.InferenceSession(
            str(model) if isinstance(model, Path) else model, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has no public base class of its errors
        raise ModelError(
            f"{name} cannot be run by onnxruntime {ort.__version__} on a CPU: {str(error).strip()}"
        ) from error


def predict(session: ort.InferenceSession, inputs: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Run [N, ...], float32 or uint8 as it takes them, through a session of one input and output: float32 [N, classes].

    The last batch may be smaller; N = 0 gives an array of no rows.
    """
    name = session.get_inputs()[0].name
    starts = range(0, max(len(inputs), 1), batch_size)
    outputs: list[np.ndarray] = []
    for start in starts:
        batch = inputs[start : start + batch_size]
        outputs.append(np.asarray(session.run(None, {name: batch})[0], dtype=np.float32))
        mapped.used(batch)
    return np.concatenate(outputs)
