"""onnxruntime's own format, which its mobile packages and reduced builds read, and what such a build must hold.

Such a build has neither the parser of ONNX nor most operators; it reads models that were optimized when they were
written, as `onnxruntime.tools.convert_onnx_models_to_ort` writes them. The level is `extended`: there pairs of
QuantizeLinear and DequantizeLinear become integer kernels. The next one, `all`, lays tensors out for the vector width
of the processor that happens to convert (NCHWc blocks of 8 or 16 channels), so that the file would depend on it.
"""

import tempfile
from pathlib import Path
from typing import Literal

from compression_ops.errors import ModelError
from compression_ops.spec import Spec
from compression_ops.target import Predictor, Written

ALLOWED_DIFFERENCES = 0.0
IS_TIMED = True
MODEL, OPERATORS = "model.ort", "required_operators.config"
_LOG_ERRORS_ONLY = 3
_OLDEST_RUNTIME = None


class OrtMobile(Spec):
    """The ORT format of onnxruntime's mobile packages, and the operators that a reduced build needs."""

    type: Literal["ort_mobile"] = "ort_mobile"


def write(spec: OrtMobile, model: Path, folder: Path) -> Written:
    """Write `model.ort`, and `required_operators.config` for `build.sh --include_ops_by_config`.

    Raises ModelError where onnxruntime cannot convert the model.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / MODEL)
    options.log_severity_level = _LOG_ERRORS_ONLY
    options.add_session_config_entry("session.save_model_format", "ORT")
    # The same graph for ARM as for x86: activations are unsigned, and stay so.
    options.add_session_config_entry("session.qdqisint8allowed", "0")
    try:
        ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no public base class of its errors
        raise ModelError(
            f"onnxruntime {ort.__version__} cannot write the model in its ORT format: {str(error).strip()}. Allowed "
            "is a model that onnxruntime runs; or leave the target ort_mobile out"
        ) from error
    (folder / OPERATORS).write_text(_operators(folder / MODEL), encoding="utf-8")
    return Written((MODEL,), _OLDEST_RUNTIME)


def predictor(spec: OrtMobile, folder: Path, threads: int) -> Predictor:
    """In onnxruntime's session, which takes the graph as it was optimized."""
    from compression_ops.onnx_model import classifier

    return classifier.opened(folder / MODEL, threads)


def _operators(model: Path) -> str:
    """Lines of `domain;opset;operators`; the tool's comment, which names a file of this machine, is left out."""
    from onnxruntime.tools.ort_format_model import create_config_from_models

    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / OPERATORS
        create_config_from_models([model], config, False)
        lines = config.read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if not line.startswith("#"))
