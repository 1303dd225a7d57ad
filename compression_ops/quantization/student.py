"""A trained student as a statically quantized ONNX model: exported, calibrated, quantized, checked on validation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from compression_ops.choices import function
from compression_ops.data.dataset import Description, Split, load_description, load_split, normalize
from compression_ops.errors import DataError, ModelError
from compression_ops.models import inference
from compression_ops.models.network import load
from compression_ops.onnx_model import export
from compression_ops.onnx_model.chosen_widths import FACT, ChosenWidths
from compression_ops.onnx_model.layers import chosen_kernels, noise
from compression_ops.onnx_model.layers.chosen_kernels import FLOAT, ChosenKernels
from compression_ops.onnx_model.layers.noise import Noise
from compression_ops.progress import Progress, ProgressCallback
from compression_ops.quantization import activations, fidelity, integer_kernels, representable, shipping, widths
from compression_ops.quantization.activations import Ranges, Replay
from compression_ops.quantization.automatic_precision.trials import Widths
from compression_ops.quantization.integer_kernels import Kernels
from compression_ops.quantization.layer_noise import signal_to_noise
from compression_ops.quantization.learned import Learned, Lessons, trains
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.post_training import equalization
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.shipping import LARGEST_EXPORT_ERROR, Shipped, Shipping
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from compression_ops.quantization.widths import Chosen
    from compression_ops.training.loop import Trained

MODEL, FACTS = "model.onnx", "quantization.json"
WORTH_A_WARNING = 1.0  # points of accuracy
_SAMPLES_OF_A_TIE = 1000  # one in so many may be told otherwise by the simulation of a method that learns
_STEPS = ("export", "calibrate", "quantize", "evaluate")


@dataclass(frozen=True)
class Quantized:
    """What there is to tell of a quantized student: its numbers, sentences that a user should read, the course of the
    training if its method trains, and the names of files that differ between identical runs.
    """

    metrics: Mapping[str, float]
    warnings: tuple[str, ...]
    trained: "Trained | None" = None
    volatile: frozenset[str] = frozenset()


def quantize(
    student: Path,
    dataset: Path,
    calibration: Spec,
    precision: Precision,
    output: Path,
    progress: ProgressCallback,
    method: Spec | None = None,
    lessons: Lessons | None = None,
) -> Quantized:
    """Write `model.onnx`, which takes raw samples (see `onnx_model.raw_samples`), and `quantization.json`: sizes,
    export error, validation accuracies, kernels, ranges, and the noise of each layer.

    student, dataset   folders of their artifacts
    calibration        the parameters of a method of `quantization.calibration`
    method, lessons    those of a method of `quantization.methods`, and what it learns from; by default nothing is

    Raises DataError if the validation split is empty; ModelError where the export differs from the torch model by more
    than a thousandth of the range of its logits on any validation sample, or cannot be written in the opset.
    """
    description, validation = load_description(dataset), load_split(dataset, "validation")
    if len(validation) == 0:
        raise DataError("the validation split is empty, so nothing can be checked on it; raise `validation_fraction`")

    exported = export.export_saved(student)
    float_bytes = exported.SerializeToString(deterministic=True)
    float_logits = shipping.logits(float_bytes, validation, description)
    error = _export_error(inference.logits(load(student), validation.samples, description).numpy(), float_logits)
    _tell(progress, "export")

    images, warnings = _calibration_images(calibration, dataset, description)
    network = equalization.equalized(exported) if precision.equalization else exported
    replay = activations.replay(network, images)
    ranges = _ranges(calibration, replay, precision)
    _tell(progress, "calibrate")

    mapping, left = representable.restrict(calibrated.mapping(network, ranges, precision), network, images)
    models = Shipping(precision, images, description, left)
    chosen = None
    if method is not None and widths.chooses(method):
        each = Widths(network, mapping, ranges, models)
        chosen = _chosen(method, each, validation, float_logits, progress)
        mapping = each.mapping(chosen.bits)
    learned = None if method is None or not trains(method) else _learned(method, network, mapping, lessons)
    twin, mapping = (network, mapping) if learned is None else (learned.model, learned.mapping)
    stays_float = chosen is not None and set(chosen.bits.values()) == {FLOAT}
    shipped = models.ship(twin, mapping, stays_float=stays_float)
    errors = fidelity.relative_errors(twin, shipped.quantized, images)
    (output / MODEL).write_bytes(shipped.serialized)
    _tell(progress, "quantize")

    kernels = integer_kernels.kernels(shipped.written.SerializeToString(deterministic=True))
    logits = shipping.logits(shipped.serialized, validation, description)
    metrics = {
        **_accuracies(float_logits, logits, validation),
        **_sizes(float_bytes, shipped.serialized),
        "export_error": error,
        "integer_share": kernels.integer_share,
        "calibration_samples": float(len(images)),
    }
    if learned is not None:
        metrics |= _of_training(learned.trained, logits, validation, description)
    if isinstance(chosen, ChosenWidths):
        metrics |= _of_choice(chosen)
    layers = _noise(twin, shipped, validation, description)
    _write_facts(output / FACTS, metrics, kernels, ranges, errors, shipped.quantized.storage, chosen, layers)
    timed = isinstance(chosen, ChosenKernels)
    if isinstance(chosen, ChosenKernels):
        (output / chosen_kernels.FILE).write_text(json.dumps(chosen.fields(), indent=1) + "\n", encoding="utf-8")
        metrics |= chosen.numbers()
    _tell(progress, "evaluate", metrics)
    told = (
        *warnings,
        *(() if chosen is not None else _accuracy_lost(metrics, learned)),
        *representable.warnings(exported, left, precision.activation_bits),
    )
    if learned is None:
        fewest = min((precision.weight_bits, *(() if chosen is None else chosen.bits.values())))
        told += fidelity.warnings(exported, errors, fewest, precision.activation_bits)
        told += () if chosen is None else widths.warnings(chosen)
    else:
        told += _simulated_otherwise(metrics, len(validation))
    told += () if timed else _float_nodes(kernels)
    volatile = frozenset({chosen_kernels.FILE} if timed else ())
    return Quantized(metrics, told, None if learned is None else learned.trained, volatile)


def _learned(method: Spec, network: onnx.ModelProto, mapping: QuantizationMapping, lessons: Lessons | None) -> Learned:
    if lessons is None:
        raise ModelError(f"{type(method).__name__} learns from soft labels, and is given none")
    return function(method, "learn")(method, network, mapping, lessons)


def _chosen(
    method: Spec, widths: Widths, validation: Split, float_logits: np.ndarray, progress: ProgressCallback
) -> "Chosen":
    at = Progress("", _STEPS.index("calibrate") + 1, len(_STEPS))
    return function(method, "choose")(method, widths.trials(validation, float_logits, progress, at))


def _of_training(trained: "Trained", logits: np.ndarray, split: Split, description: Description) -> dict[str, float]:
    """`simulation_error`: the largest difference of a logit between the trained simulation and the shipped model."""
    simulated = inference.logits(trained.model, split.samples, description).numpy()
    return {
        "simulated_validation_accuracy": float((simulated.argmax(axis=1) == split.labels.numpy()).mean()),
        "simulation_error": float(np.abs(simulated - logits).max()),
        "best_epoch": float(trained.best_epoch),
    }


def _noise(twin: onnx.ModelProto, shipped: Shipped, split: Split, description: Description) -> Noise | None:
    """Of each layer against the float twin that it was made of, on validation; None where none is quantized."""
    integers, images = onnx.load_from_string(shipped.serialized), split.samples.numpy()
    layers = signal_to_noise.of_models(twin, integers, images, description, shipped.quantized.storage)
    return Noise(layers, signal_to_noise.samples(len(images))) if layers else None


def _of_choice(chosen: ChosenWidths) -> dict[str, float]:
    """`models_tried`: on the validation split; bytes of the layers' weights, as chosen and with 8 bits everywhere."""
    return {
        "mean_weight_bits": chosen.mean_bits,
        "layer_weight_bytes": float(chosen.chosen.weight_bytes),
        "layer_weight_bytes_at_8_bits": float(chosen.curve[0].weight_bytes),
        "models_tried": float(chosen.models),
    }


def _simulated_otherwise(metrics: Mapping[str, float], samples: int) -> tuple[str, ...]:
    """One sample is a tie that a sum in another order decided; more than that, and than a thousandth, is a fault."""
    simulated, found = metrics["simulated_validation_accuracy"], metrics["validation_accuracy"]
    apart = round(abs(simulated - found) * samples)
    if apart <= max(1, samples / _SAMPLES_OF_A_TIE):
        return ()
    return (
        f"the shipped model has a validation accuracy of {100 * found:.2f} %, the simulation that was trained "
        f"{100 * simulated:.2f} %: {apart} of {samples} samples apart, where 1 in {_SAMPLES_OF_A_TIE} may be. What is "
        "shipped is not what was trained: take another method or other bits, and report it with the recipe",
    )


def _ranges(calibration: Spec, replay: Replay, precision: Precision) -> Ranges:
    levels = (2**precision.activation_bits,) if getattr(calibration, "needs_levels", False) else ()
    return function(calibration, "calibrate")(calibration, replay, *levels)


def _tell(progress: ProgressCallback, step: str, metrics: Mapping[str, float] | None = None) -> None:
    progress(Progress(step, _STEPS.index(step) + 1, len(_STEPS), metrics or {}))


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


def _calibration_images(
    calibration: Spec, dataset: Path, description: Description
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Evenly spaced over the training split, so that one which is sorted by class gives each class its share."""
    samples: int = calibration.model_dump()["samples"]
    train = load_split(dataset, "train")
    count = min(samples, len(train))
    images = normalize(train.samples[np.arange(count) * len(train) // count], description).numpy()
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


def _accuracy_lost(metrics: Mapping[str, float], learned: Learned | None) -> tuple[str, ...]:
    points = metrics["accuracy_drop_points"]
    if points <= WORTH_A_WARNING:
        return ()
    if learned is not None:
        return (
            f"quantization costs {points:.2f} points of validation accuracy although the student was trained with it; "
            "more epochs, another learning_rate, per_channel or more weight bits may win them back",
        )
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
    chosen: "Chosen | None",
    layers: Noise | None,
) -> None:
    facts = {
        **metrics,
        "integer_nodes": kernels.integer,
        "float_nodes": kernels.floating,
        "weight_storage": dict(storage),
        "activation_ranges": {name: list(span) for name, span in ranges.items()},
        "relative_errors": {name: round(error, 4) for name, error in errors.items()},
        **({FACT: chosen.fields()} if isinstance(chosen, ChosenWidths) else {}),
        **({} if layers is None else {noise.FACT: layers.fields()}),
    }
    path.write_text(json.dumps(facts, indent=1) + "\n")
