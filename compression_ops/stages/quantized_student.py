"""Stage: a trained student as a statically quantized ONNX model, calibrated on the training split."""

from collections.abc import Mapping
from pathlib import Path

from compression_ops.choices import Contract, one_of
from compression_ops.quantization.precision import Precision
from compression_ops.spec import Spec
from compression_ops.stages.stage import Context, StageResult


def _functions(spec: type[Spec]) -> dict[str, int]:
    """One whose best range depends on the number of integers says so by `needs_levels`, and is given it too."""
    return {"calibrate": 3 if getattr(spec, "needs_levels", False) else 2}


CALIBRATION = Contract(Spec, _functions, fields=("samples",))


class QuantizedStudent(Precision):
    """A student as an integer model for onnxruntime."""

    calibration: one_of("quantization.calibration", "method", CALIBRATION)  # type: ignore[valid-type]


def run(parameters: QuantizedStudent, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `model.onnx` and `quantization.json` (see `compression_ops.quantization.student.quantize`).

    inputs  `dataset`, and one folder with a saved network: `student`, or with its name `student/small`

    Raises DataError if the validation split is empty; ModelError where the export computes something else.
    """
    from compression_ops.quantization.student import quantize

    (student,) = (folder for name, folder in inputs.items() if name != "dataset")
    precision, calibration = parameters.part(Precision), parameters.calibration
    made = quantize(student, inputs["dataset"], calibration, precision, context.output, context.progress)
    return StageResult(metrics=made.metrics, warnings=made.warnings)
