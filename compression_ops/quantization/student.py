"""A trained student as a statically quantized ONNX model: exported, calibrated, quantized, checked on validation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from compression_ops.choices import function
from compression_ops.data.dataset import Description, Split, load_description, load_split, normalize
from compression_ops.errors import DataError, ModelError
from compression_ops.models import inference
from compression_ops.models.network import load
from compression_ops.onnx_model import export, metadata, opset, pixels, session
from compression_ops.progress import Progress, ProgressCallback
from compression_ops.quantization import activations, fidelity, integer_kernels, qdq, representable
from compression_ops.quantization.activations import Ranges, Replay
from compression_ops.quantization.integer_kernels import Kernels
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.post_training import equalization, refinement
from compression_ops.quantization.precision import NEWEST_OPSET, Precision
from compression_ops.spec import Spec

MODEL, FACTS = "model.onnx", "quantization.json"
# Float32 sums in another order differ by some 1e-6 of the range of the logits; one step of 8 bits is 4e-3 of it. An
# export that is off by 1e-3 computes something else.
LARGEST_EXPORT_ERROR = 1e-3
WORTH_A_WARNING = 1.0  # points of accuracy
_CHUNK = 256
_STEPS = ("export", "calibrate", "quantize", "evaluate")


@dataclass(frozen=True)
class Quantized:
    """What there is to tell of a quantized student: its numbers, and sentences that a user should read."""

    metrics: Mapping[str, float]
    warnings: tuple[str, ...]


def quantize(
    student: Path, dataset: Path, calibration: Spec, precision: Precision, output: Path, progress: ProgressCallback
) -> Quantized:
    """Write `model.onnx`, which takes uint8 pixels (see `onnx_model.pixels`), and `quantization.json`: sizes, export
    error, validation accuracies, kernels and ranges.

    student, dataset   folders of their artifacts
    calibration        the parameters of a method of `quantization.calibration`

    Raises DataError if the validation split is empty; ModelError where the export differs from the torch model by more
    than a thousandth of the range of its logits on any validation sample, or cannot be written in the opset.
    """
    description, validation = load_description(dataset), load_split(dataset, "validation")
    if len(validation) == 0:
        raise DataError("the validation split is empty, so nothing can be checked on it; raise `validation_fraction`")

    exported = export.export_saved(student)
    float_bytes = exported.SerializeToString(deterministic=True)
    float_logits = _logits(float_bytes, validation, description)
    error = _export_error(inference.logits(load(student), validation.images, description).numpy(), float_logits)
    _tell(progress, "export")

    images, warnings = _calibration_images(calibration, dataset, description)
    network = equalization.equalized(exported) if precision.equalization else exported
    replay = activations.replay(network, images)
    ranges = _ranges(calibration, replay, precision)
    _tell(progress, "calibrate")

    mapping, left = representable.restrict(calibrated.mapping(network, ranges, precision), network, images)
    quantized = _quantized(*refinement.refined(network, mapping, precision, images), left, precision.opset)
    errors = fidelity.relative_errors(network, quantized, images)
    written = _in_opset(precision.opset, quantized.model, images)
    shipped = pixels.normalizing(written, description)
    metadata.describe(shipped, description)
    model_bytes = shipped.SerializeToString(deterministic=True)
    (output / MODEL).write_bytes(model_bytes)
    _tell(progress, "quantize")

    kernels = integer_kernels.kernels(written.SerializeToString(deterministic=True))
    metrics = {
        **_accuracies(float_logits, _logits(model_bytes, validation, description), validation),
        **_sizes(float_bytes, model_bytes),
        "export_error": error,
        "integer_share": kernels.integer_share,
        "calibration_samples": float(len(images)),
    }
    _write_facts(output / FACTS, metrics, kernels, ranges, errors, quantized.storage)
    _tell(progress, "evaluate", metrics)
    inexact = (
        *representable.warnings(exported, left),
        *fidelity.warnings(exported, errors, min(precision.weight_bits, precision.activation_bits)),
    )
    return Quantized(metrics, (*warnings, *_accuracy_lost(metrics), *inexact, *_float_nodes(kernels)))


def _ranges(calibration: Spec, replay: Replay, precision: Precision) -> Ranges:
    levels = (2**precision.activation_bits,) if getattr(calibration, "needs_levels", False) else ()
    return function(calibration, "calibrate")(calibration, replay, *levels)


def _tell(progress: ProgressCallback, step: str, metrics: Mapping[str, float] | None = None) -> None:
    progress(Progress(step, _STEPS.index(step) + 1, len(_STEPS), metrics or {}))


def _logits(model: bytes, split: Split, description: Description) -> np.ndarray:
    running = session.open_session(model)
    images = split.images.numpy()
    # The float32 input of a whole split would take four times its memory.
    starts = range(0, len(images), _CHUNK)
    chunks = (pixels.inputs(running, images[start : start + _CHUNK], description) for start in starts)
    return np.concatenate([session.predict(running, chunk, _CHUNK) for chunk in chunks])


def _export_error(expected: np.ndarray, found: np.ndarray) -> float:
    """The largest difference of a logit, as it is; its bound is relative to the range of the logits."""
    error, bound = float(np.abs(expected - found).max()), LARGEST_EXPORT_ERROR * float(np.ptp(expected))
    # Written so that NaN fails too.
    if not error <= bound:
        raise ModelError(
            f"the exported student differs from the torch model by {error:.3g} in a logit of a validation sample; at "
            f"most {bound:.3g} is allowed, {LARGEST_EXPORT_ERROR} of the range of the logits. Look in its forward for "
            "randomness, for state that changes between calls, or for a branch that tracing has fixed"
        )
    return error


def _quantized(
    exported: onnx.ModelProto, mapping: QuantizationMapping, left: tuple[str, ...], opset_version: int
) -> qdq.QdqModel:
    try:
        return qdq.write(exported, mapping, int4=opset_version >= NEWEST_OPSET)
    except ModelError as error:
        if not left:
            raise
        (why,) = representable.warnings(exported, left)
        raise ModelError(f"nothing is left that could be quantized: {why}") from error


def _in_opset(version: int, model: onnx.ModelProto, images: np.ndarray) -> onnx.ModelProto:
    found = opset.lowered(model, version)
    if found is not model:
        before, after = (
            session.predict(session.open_session(each.SerializeToString()), images, _CHUNK) for each in (model, found)
        )
        if not np.abs(before - after).max() <= LARGEST_EXPORT_ERROR * np.ptp(before):
            raise ModelError(f"in opset {version} the model computes something else. Allowed is a larger `opset`")
    return found


def _calibration_images(
    calibration: Spec, dataset: Path, description: Description
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Evenly spaced over the training split, so that one which is sorted by class gives each class its share."""
    samples: int = calibration.model_dump()["samples"]
    train = load_split(dataset, "train")
    count = min(samples, len(train))
    images = normalize(train.images[np.arange(count) * len(train) // count], description).numpy()
    if count == samples:
        return images, ()
    return images, (f"calibration.samples is {samples}, but the training split has {count}: all of them were used",)


def _accuracies(floats: np.ndarray, integers: np.ndarray, split: Split) -> dict[str, float]:
    labels = split.labels.numpy()
    before, after = (float((logits.argmax(axis=1) == labels).mean()) for logits in (floats, integers))
    return {
        "validation_accuracy": after,
        "float_validation_accuracy": before,
        "accuracy_drop_points": 100 * (before - after),
        "largest_logit_change": float(np.abs(floats - integers).max()),
    }


def _sizes(before: bytes, after: bytes) -> dict[str, float]:
    return {
        "file_bytes": float(len(after)),
        "float_file_bytes": float(len(before)),
        "compression": len(before) / len(after),
    }


def _accuracy_lost(metrics: Mapping[str, float]) -> tuple[str, ...]:
    points = metrics["accuracy_drop_points"]
    if points <= WORTH_A_WARNING:
        return ()
    return (
        f"quantization costs {points:.2f} points of validation accuracy; more weight bits, per_channel, reduce_range "
        "or another calibration method may win them back",
    )


def _float_nodes(kernels: Kernels) -> tuple[str, ...]:
    if not kernels.floating:
        return ()
    found = ", ".join(f"{count} {operator}" for operator, count in kernels.floating.items())
    return (
        f"{found} run in float, {100 * (1 - kernels.integer_share):.0f} % of the computing nodes: onnxruntime has no "
        "integer kernel for them; ReLU, convolutions, linear layers, additions and pooling have one",
    )


def _write_facts(
    path: Path,
    metrics: Mapping[str, float],
    kernels: Kernels,
    ranges: Ranges,
    errors: Mapping[str, float],
    storage: Mapping[str, str],
) -> None:
    facts = {
        **metrics,
        "integer_nodes": kernels.integer,
        "float_nodes": kernels.floating,
        "weight_storage": dict(storage),
        "activation_ranges": {name: list(span) for name, span in ranges.items()},
        "relative_errors": {name: round(error, 4) for name, error in errors.items()},
    }
    path.write_text(json.dumps(facts, indent=1) + "\n")
