"""Stage: the best of the models that pass their gates, and whether it should replace the incumbent champion."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from compression_ops.metric import Metric
from compression_ops.spec import Spec
from compression_ops.stages.stage import Context, StageResult


class Champion(Spec):
    """How candidates are compared, which there are, and with whom."""

    metric: Metric = Field(default="accuracy", description="By which the models are compared.")
    threads: int = Field(default=1, ge=1, le=1024, description="onnxruntime's intra-op threads.")
    iterations: int = Field(default=1000, ge=10, le=1_000_000, description="Timed calls a model.")
    candidates: dict[str, list[str]] = Field(
        default={}, description="By asset name, why it fails its gates; nothing where it passes."
    )
    incumbent: str | None = Field(default=None, description="How to call the champion in use; none if there is none.")


def run(parameters: Champion, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `champion.json`, and `decision.json`, which tells latencies: volatile (see `evaluation.contest`).

    inputs  `dataset`, every candidate's folder with `model.onnx`, and `incumbent` likewise if there is one

    Raises CompressionError for a candidate that was not given, ModelError for one that does not run or is not made for
    this data set.
    """
    from compression_ops.evaluation import contest

    terms = contest.Terms(parameters.threads, parameters.iterations, parameters.metric)
    outcome, judged = contest.hold(parameters.candidates, parameters.incumbent, inputs, terms, context.progress)
    contest.write(outcome, judged, context.output)
    decision = outcome.decision
    return StageResult(
        metrics={"promoted": float(decision.promote), **decision.numbers},
        warnings=(decision.words,) if outcome.alarming else (),
        volatile=frozenset({contest.DECISION}),
    )
