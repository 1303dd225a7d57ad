"""Stage: every model as the onnxruntime session that a user would run, on the test split."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.family import Member
from compression_ops.stages.stage import Context, StageResult


class Measurements(Conditions):
    """How models are measured, and which."""

    models: dict[str, Member] = Field(description="The models by the names of their assets.")


def run(parameters: Measurements, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `measurements.json`, where a network tells how it decides `decisions.safetensors`, and the volatile
    `timings.json` (see `compression_ops.evaluation.measurements`).

    inputs  `dataset` and every asset of `models`: a folder with `model.onnx`, or with a saved network

    Raises CompressionError for a family of models that cannot be, ModelError for a model that does not run or returns
    something other than finite logits.
    """
    from compression_ops.evaluation import measurements, runner

    conditions = parameters.part(Conditions)
    measured = runner.measure(parameters.models, conditions, inputs, context.progress)
    measurements.write(measured, context.output)
    return StageResult(measured.metrics(), warnings=measured.warnings, volatile=frozenset({measurements.TIMINGS}))
