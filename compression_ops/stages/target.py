"""Stage: a quantized student in the form that another runtime takes."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from compression_ops import target as targets
from compression_ops.progress import Progress
from compression_ops.spec import Spec
from compression_ops.stages.stage import Context, StageResult, of_kind


class Target(Spec):
    """Which form, with its options."""

    target: targets.any_target() = Field(description="The runtime's word.")  # type: ignore[valid-type]


def run(parameters: Target, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write the target's files and `target.json` (see `compression_ops.target`).

    inputs  one folder with `model.onnx`: `quantized_student/int8`

    Raises ModelError where the target cannot hold the model, or a package that writes it is not installed.
    """
    model = of_kind(inputs, "quantized_student")
    assert model is not None, "a target is made of a quantized student"
    written = targets.write(parameters.target, model / "model.onnx", context.output)
    context.progress(Progress("written", 1, 1))
    metrics = {"file_bytes": float(targets.read(context.output).file_bytes), **written.metrics}
    return StageResult(metrics, warnings=written.warnings, volatile=written.volatile)
