"""Stage: a trained student as a statically quantized ONNX model, calibrated on the training split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from compression_ops import implementations
from compression_ops.quantization.precision import ACTIVATION_BITS, WEIGHT_BITS
from compression_ops.spec import Spec
from compression_ops.stages.stage import Context, StageResult


class QuantizedStudent(Spec):
    """A student as an integer model for onnxruntime."""

    weight_bits: Literal[WEIGHT_BITS] = Field(default=8, description="Bits that onnxruntime runs.")  # type: ignore[valid-type]
    activation_bits: Literal[ACTIVATION_BITS] = Field(default=8)  # type: ignore[valid-type]
    per_channel: bool = Field(default=True, description="One weight scale an output channel instead of one a tensor.")
    reduce_range: bool = Field(
        default=True, description="7 of 8 weight bits, so that sums are exact on CPUs without VNNI too."
    )
    calibration: implementations.one_of("quantization.calibration", "method")  # type: ignore[valid-type]


def run(parameters: QuantizedStudent, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `model.onnx` and `quantization.json` (see `compression_ops.quantization.student.quantize`).

    inputs  `dataset`, and one folder with a saved network: `student`, or with its name `student/small`

    Raises DataError if the validation split is empty; ModelError where the export computes something else.
    """
    from compression_ops.quantization.static import Precision
    from compression_ops.quantization.student import quantize

    (student,) = (folder for name, folder in inputs.items() if name != "dataset")
    precision = Precision(
        parameters.weight_bits, parameters.activation_bits, parameters.per_channel, parameters.reduce_range
    )
    calibration = parameters.calibration
    made = quantize(student, inputs["dataset"], calibration, precision, context.output, context.progress)
    return StageResult(metrics=made.metrics, warnings=made.warnings)
