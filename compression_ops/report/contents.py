"""What the report tells, before it is written as a table, as Markdown or as a page: measurements, limits, verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from compression_ops import quantities
from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.latency import Latency
from compression_ops.evaluation.measurements import Measured, Measurements
from compression_ops.report import verdict
from compression_ops.report.limits import Limits
from compression_ops.report.verdict import Verdict


@dataclass(frozen=True)
class Report:
    """All of it: what was measured, and what was asked of the quantized students."""

    measurements: Measurements
    limits: Limits

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
    def conditions(self) -> Conditions:
        """How it was measured."""
        return self.measurements.conditions

    @property
    def latency(self) -> Mapping[tuple[str, int], Latency]:
        """By (model, batch size)."""
        return self.measurements.timings.latency

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
            model.name: verdict.judge(model.change, model.compression_ratio, self.limits, self.digits)
            for model in self.models
            if model.role == "quantized" and model.change is not None
        }

    def speedup(self, model: Measured) -> float:
        """The teacher's median latency / the model's, at the first batch size."""
        return self.measurements.speedup(model)


def recommended(report: Report) -> Measured:
    """The model to look at first: of the quantized models that pass, the smallest file; if none passes, the most
    accurate of the quantized ones, else of the students, else of all.
    """
    passing = [m for m in report.models if m.name in report.verdicts and report.verdicts[m.name].passed]
    if passing:
        return min(passing, key=lambda model: (model.cost.file_bytes, -model.quality.accuracy.successes))
    for role in ("quantized", "student"):
        if candidates := [model for model in report.models if model.role == role]:
            return max(candidates, key=lambda model: model.quality.accuracy.successes)
    return max(report.models, key=lambda model: model.quality.accuracy.successes)
