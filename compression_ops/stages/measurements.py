"""Stage: every model as the onnxruntime session that a user would run, on the test split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.family import Member
from compression_ops.evaluation.targets.derived import Derived
from compression_ops.stages.stage import Context, StageResult


class Measurements(Conditions):
    """How models are measured, and which."""

    models: dict[str, Member] = Field(description="The models by the names of their assets.")
    targets: dict[str, Derived] = Field(default={}, description="The targets by the names of their assets.")

    @model_serializer(mode="wrap")
    def _stated(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without targets, where there are none: what was measured before there were any stays known."""
        return {name: value for name, value in handler(self).items() if name != "targets" or value}


def run(parameters: Measurements, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `measurements.json`, where a network tells how it decides `decisions.safetensors`, where models differ
    `flipped.safetensors`, and the volatile `timings.json` (see `compression_ops.evaluation.measurements`).

    inputs  `dataset`, every asset of `models`: a folder with `model.onnx`, or with a saved network; and of `targets`

    Raises CompressionError for a family of models that cannot be, ModelError for a model that does not run or returns
    something other than finite logits.
    """
    from compression_ops.evaluation import measurements, runner

    conditions = parameters.part(Conditions)
    measured = runner.measure(parameters.models, conditions, inputs, context.progress, parameters.targets)
    measurements.write(measured, context.output)
    return StageResult(measured.metrics(), warnings=measured.warnings, volatile=frozenset({measurements.TIMINGS}))
