"""What the report tells, before it is written as a table, as Markdown or as a page: measurements, limits, verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from compression_ops import quantities
from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.latency import Latency
from compression_ops.evaluation.measurements import Measured, Measurements
from compression_ops.evaluation.quality import Change
from compression_ops.evaluation.targets.agreement import Agreement
from compression_ops.metric import Metric
from compression_ops.onnx_model.layers.chosen_kernels import ChosenKernels
from compression_ops.report import majority, verdict
from compression_ops.report.limits import Limits
from compression_ops.report.majority import Majority
from compression_ops.report.verdict import Verdict


@dataclass(frozen=True)
class Report:
    """All of it: what was measured, what was asked of the quantized students, and the metric that judges them."""

    measurements: Measurements
    limits: Limits
    metric: Metric = "accuracy"

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        return self.measurements.classes

    @property
    def test_samples(self) -> int:
        """Size of the test split."""
        return self.measurements.test_samples

    @property
    def models(self) -> tuple[Measured, ...]:
        """Every model, each followed by its descendants."""
        return self.measurements.models

    @property
    def targets(self) -> tuple[Agreement, ...]:
        """Every target of a quantized student."""
        return self.measurements.targets

    @property
    def conditions(self) -> Conditions:
        """How it was measured."""
        return self.measurements.conditions

    @property
    def latency(self) -> Mapping[tuple[str, int], Latency]:
        """By (model, batch size)."""
        return self.measurements.timings.latency

    @property
    def kernels(self) -> Mapping[str, ChosenKernels]:
        """By model, the layers on integers, where they were chosen by latency."""
        return self.measurements.timings.kernels

    @property
    def peak_memory(self) -> Mapping[str, int | None]:
        """Bytes by model."""
        return self.measurements.timings.peak_memory

    @property
    def digits(self) -> int:
        """Decimals that a percentage over this test set deserves."""
        return quantities.accuracy_digits(self.test_samples)

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """Of each quantized model, whether it keeps to the limits."""
        return {
            model.name: self._judged(model, model.change)
            for model in self.models
            if model.role == "quantized" and model.change is not None
        }

    def _judged(self, model: Measured, change: Change) -> Verdict:
        seeds, metric, digits = model.over_seeds, self.metric, self.digits
        mean = None if seeds is None or metric not in seeds.change else (seeds.seeds, seeds.change[metric])
        return verdict.judge(
            change, model.compression_ratio, self.limits, digits if mean is None else digits + 1, metric, mean
        )

    @property
    def class_samples(self) -> NDArray[np.int64]:
        """Test samples of each class, int64 [classes]."""
        return self.models[0].quality.confusion.sum(axis=1)

    @cached_property
    def majority(self) -> Majority:
        """The largest class of the test split."""
        return majority.of_samples(self.class_samples)

    @cached_property
    def hardly_better(self) -> dict[str, str]:
        """Of each model that may be no better than looking at no sample, why."""
        largest = self.classes[self.majority.index]
        found = {
            model.name: majority.hardly_better(model.quality, self.majority, largest, self.digits)
            for model in self.models
        }
        return {name: words for name, words in found.items() if words is not None}

    def score(self, model: Measured) -> float:
        """The value of the metric that judges."""
        return model.quality.of(self.metric).value

    def speedup(self, model: Measured) -> float:
        """The teacher's median latency / the model's, at the first batch size."""
        return self.measurements.speedup(model)


def recommended(report: Report) -> Measured:
    """The model to look at first: of the quantized models that pass, the smallest file; if none passes, the one
    of the highest metric of the quantized ones, else of the students, else of all.
    """
    passing = [m for m in report.models if m.name in report.verdicts and report.verdicts[m.name].passed]
    if passing:
        return min(passing, key=lambda model: (model.cost.file_bytes, -report.score(model)))
    for role in ("quantized", "student"):
        if candidates := [model for model in report.models if model.role == role]:
            return max(candidates, key=report.score)
    return max(report.models, key=report.score)
