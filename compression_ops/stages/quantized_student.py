"""Stage: a trained student as a statically quantized ONNX model, calibrated on the training split."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from compression_ops import (
    activations,
    inference,
    integer_kernels,
    model_cost,
    onnx_export,
    onnx_session,
    static_quantization,
)
from compression_ops.activations import Ranges
from compression_ops.dataset import Description, Split, load_description, load_split, normalize
from compression_ops.errors import DataError, ModelError
from compression_ops.model import load
from compression_ops.stage import Progress, ProgressCallback, StageResult
from compression_ops.static_quantization import Precision

MODEL, FACTS = "model.onnx", "quantization.json"
# Float32 sums in another order differ by some 1e-6 of the range of the logits; one step of 8 bits is 4e-3 of it. An
# export that is off by 1e-3 computes something else.
_LARGEST_EXPORT_ERROR = 1e-3
_STEPS = ("export", "check", "calibrate", "quantize", "evaluate")


def run(
    parameters: Mapping[str, Any], inputs: Mapping[str, Path], output: Path, progress: ProgressCallback
) -> StageResult:
    """Write `model.onnx` and `quantization.json`: sizes, the check against torch, accuracies, kernels and ranges.

    Raises ModelError where the export differs from the torch model by more than a thousandth of the range of its
    logits, on any validation sample; DataError if the validation split is empty.
    """
    done = iter(range(1, len(_STEPS) + 1))

    def step() -> None:
        count = next(done)
        progress(Progress(_STEPS[count - 1], count, len(_STEPS)))

    description = load_description(inputs["dataset"])
    validation = load_split(inputs["dataset"], "validation")
    if len(validation) == 0:
        raise DataError("the validation split is empty: the export cannot be checked; raise `validation_fraction`")
    images = normalize(validation.images, description).numpy()
    exported = onnx_export.export_saved(_student(inputs))
    step()
    serialized = exported.SerializeToString(deterministic=True)
    floats = onnx_session.predict(onnx_session.open_session(serialized), images)
    error = _export_error(floats, validation, description, _student(inputs))
    step()
    samples, ranges, warnings = _calibrate(exported, parameters["calibration"], inputs["dataset"], description)
    step()
    model = static_quantization.quantize(exported, ranges, _precision(parameters))
    quantized = model.SerializeToString(deterministic=True)
    (output / MODEL).write_bytes(quantized)
    step()
    integers = onnx_session.predict(onnx_session.open_session(quantized), images)
    facts = _sizes(serialized, quantized) | _accuracies(floats, integers, validation) | {"export_error": error}
    kernels = integer_kernels.kernels(quantized)
    facts |= {"integer_share": kernels.integer_share, "calibration_samples": samples}
    step()
    _write_facts(output / FACTS, facts, kernels, ranges)
    return StageResult(metrics=facts, warnings=(*warnings, *_kernel_warnings(kernels)))


def _student(inputs: Mapping[str, Path]) -> Path:
    """The folder beside the data set: `student`, or with its name, `student/small`."""
    (folder,) = (folder for name, folder in inputs.items() if name != "dataset")
    return folder
