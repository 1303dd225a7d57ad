"""onnxruntime's own format, which its mobile packages and reduced builds read, and what such a build must hold.

Such a build has neither the parser of ONNX nor most operators; it reads models that were optimized when they were
written, as `onnxruntime.tools.convert_onnx_models_to_ort` writes them. The level is `extended`: there pairs of
QuantizeLinear and DequantizeLinear become integer kernels. The next one, `all`, lays tensors out for the vector width
of the processor that happens to convert (NCHWc blocks of 8 or 16 channels), so that the file would depend on it.

A table in `model.ort` lies in another order each time that onnxruntime writes it, so its bytes say nothing of whether
two are the same; those of the same graph written as ONNX do.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import Any, Literal

from compression_ops.errors import ModelError
from compression_ops.spec import Spec
from compression_ops.target import Predictor, Written

ALLOWED_DIFFERENCES = 0.0
IS_TIMED = True
MODEL, OPERATORS = "model.ort", "required_operators.config"
_LOG_ERRORS_ONLY = 3
_ONNX, _FIRST_OF_OTHERS = ("", "ai.onnx"), 1
# Up to which opset which onnxruntime opened the file and gave the same logits; 1.15 opens none, its format is another.
_OLDEST_RUNTIMES = {19: "1.16", 20: "1.17", 21: "1.18"}


class OrtMobile(Spec):
    """The ORT format of onnxruntime's mobile packages, and the operators that a reduced build needs."""

    type: Literal["ort_mobile"] = "ort_mobile"


def write(spec: OrtMobile, model: Path, folder: Path) -> Written:
    """Write `model.ort`, and `required_operators.config` for `build.sh --include_ops_by_config`.

    Raises ModelError where onnxruntime cannot convert the model.
    """
    _optimize(model, folder / MODEL, "ORT")
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch) / "optimized.onnx"
        _optimize(model, graph, "ONNX")
        lines, opset = _required(graph)
        identity = {"graph_sha256": hashlib.sha256(graph.read_bytes()).hexdigest()}
    (folder / OPERATORS).write_text(lines, encoding="utf-8")
    oldest = next(runtime for highest, runtime in _OLDEST_RUNTIMES.items() if opset <= highest)
    return Written((MODEL,), f"onnxruntime {oldest}", identity=identity, volatile=frozenset({MODEL}))


def predictor(spec: OrtMobile, folder: Path, threads: int) -> Predictor:
    """As a build without optimizers runs it."""
    import onnxruntime as ort

    from compression_ops.onnx_model import classifier

    options = _options(ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(str(folder / MODEL), options, providers=["CPUExecutionProvider"])
    return classifier.of_session(session)


def _options(level: Any) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = _LOG_ERRORS_ONLY
    return options


def _optimize(model: Path, written: Path, form: str) -> None:
    """Write the graph that onnxruntime runs on any processor, in a form of its own or as ONNX."""
    import onnxruntime as ort

    options = _options(ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED)
    options.optimized_model_filepath = str(written)
    options.add_session_config_entry("session.save_model_format", form)
    # The same graph for ARM as for x86: activations are unsigned, and stay so.
    options.add_session_config_entry("session.qdqisint8allowed", "0")
    try:
        ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no public base class of its errors
        raise ModelError(
            f"onnxruntime {ort.__version__} cannot write the model in its ORT format: {str(error).strip()}. Allowed "
            "is a model that onnxruntime runs; or leave the target ort_mobile out"
        ) from error


def _required(optimized: Path) -> tuple[str, int]:
    """Lines of `domain;first opset;operators`, as onnxruntime's build reads them, and the opset of the model.

    onnxruntime's own tool writes the same, beside a comment that names the file; importing it sets up logging for the
    whole process.
    """
    import onnx
    from onnx import defs

    model = onnx.load(optimized)
    opset = next(found.version for found in model.opset_import if found.domain in _ONNX)
    operators: dict[tuple[str, int], set[str]] = {}
    for node in model.graph.node:
        known = node.domain in _ONNX
        first = defs.get_schema(node.op_type, opset).since_version if known else _FIRST_OF_OTHERS
        operators.setdefault(("ai.onnx" if known else node.domain, first), set()).add(node.op_type)
    lines = (f"{domain};{first};{','.join(sorted(names))}\n" for (domain, first), names in sorted(operators.items()))
    return "".join(lines), opset
