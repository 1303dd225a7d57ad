"""Stage: a trained student as a statically quantized ONNX model: calibrated on the training split, or trained on."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from compression_ops.choices import Contract, one_of
from compression_ops.metric import Metric
from compression_ops.quantization.learned import METHOD
from compression_ops.quantization.methods.calibrated import Calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.spec import Spec
from compression_ops.stages.stage import Context, StageResult, of_kind


def _functions(spec: type[Spec]) -> dict[str, int]:
    """One whose best range depends on the number of integers says so by `needs_levels`, and is given it too."""
    return {"calibrate": 3 if getattr(spec, "needs_levels", False) else 2}


CALIBRATION = Contract(Spec, _functions, fields=("samples",))


class Quantization(Precision):
    """A student as an integer model for onnxruntime."""

    calibration: one_of("quantization.calibration", "method", CALIBRATION)  # type: ignore[valid-type]
    method: one_of("quantization.methods", "type", METHOD) = Field(  # type: ignore[valid-type]
        default=Calibrated(),
        description="`calibrated`, the default: as it was trained. `lsq` trains it further; `automatic` chooses bits.",
    )


class QuantizedStudent(Quantization):
    """Its quantization, and by what its epoch is chosen."""

    metric: Metric | None = Field(default=None, description="Of the epoch that is kept, if its method trains.")


def run(parameters: QuantizedStudent, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `model.onnx` and `quantization.json` (see `compression_ops.quantization.student.quantize`); where layers
    are chosen by latency, also the volatile `latencies.json`.

    inputs  `dataset`, one folder with a saved network: `student`, or with its name `student/small` or `control/small`;
            and `soft_labels`, or those of a student `soft_labels/medium`, if its method trains

    Raises DataError if the validation split is empty; ModelError where the export computes something else.
    """
    from compression_ops.quantization.learned import Lessons
    from compression_ops.quantization.student import quantize

    student, soft_labels = of_kind(inputs, "student", "control"), of_kind(inputs, "soft_labels")
    assert student is not None, "a quantized student is made of a student or of a control"
    precision, calibration, dataset = parameters.part(Precision), parameters.calibration, inputs["dataset"]
    metric, progress = parameters.metric or "accuracy", context.progress
    lessons = Lessons(dataset, soft_labels, metric, progress, context.device)
    made = quantize(student, dataset, calibration, precision, context.output, progress, parameters.method, lessons)
    result = StageResult(metrics=made.metrics, warnings=made.warnings, volatile=made.volatile)
    if made.trained is None:
        return result
    trained = StageResult.of_training(made.trained, made.warnings)
    return replace(trained, metrics=made.metrics)
