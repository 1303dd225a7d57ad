"""What training the same network from several seeds says of it: how far seeds scatter, and what is more than chance.

A difference of two models over S seeds and N test samples has two sources of chance: other seeds would train other
networks, and other samples would ask other questions. Both are counted as in a crossed design of random effects (Owen
2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2)):

    d_s   the difference on all samples, of seed s          V = Var(d_s) / S + Var(over samples of the mean difference)

whose second term is Var(d_i) / N of accuracy, d_i being the mean difference over seeds on sample i, and of the metrics
that are no mean over samples the bootstrap's variance. Where seed and sample interact V counts that twice, so the test
is a little cautious. p is Student's t of mean / sqrt(V), with degrees of freedom by Welch & Satterthwaite (1947).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from compression_ops import metric as metrics
from compression_ops.evaluation import bootstrap
from compression_ops.evaluation import family as families
from compression_ops.evaluation.family import Family
from compression_ops.evaluation.statistics import Difference
from compression_ops.metric import Metric

METRICS: tuple[Metric, ...] = ("accuracy", *metrics.CLASS_AVERAGED)
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class OverSeeds:
    """One model as it came out of each seed, the first that of the model itself.

    values        of each metric the value of each seed, in [0, 1]
    change        against the parent, seed by seed; against the parent itself where that has one seed; {} for a teacher
    distillation  of a student that has a control: against that control; else {}
    """

    values: Mapping[Metric, tuple[float, ...]]
    change: Mapping[Metric, Difference]
    distillation: Mapping[Metric, Difference]

    @property
    def seeds(self) -> int:
        """How many there are, at least 2."""
        return len(self.values["accuracy"])

    def mean(self, metric: Metric) -> float:
        """Of the seeds."""
        return float(np.mean(self.values[metric]))

    def deviation(self, metric: Metric) -> float:
        """The standard deviation between seeds, of which the seeds are a sample (S - 1)."""
        return float(np.std(self.values[metric], ddof=1))

    def numbers(self) -> dict[str, float | int | None]:
        """All of it by the names of its columns: `seeds`, `test_accuracy_mean`, `test_accuracy_sd`, ..."""
        numbers: dict[str, float | int | None] = {"seeds": self.seeds}
        for metric in METRICS:
            column = metrics.columns(metric)
            numbers |= {f"{column.value}_mean": self.mean(metric), f"{column.value}_sd": self.deviation(metric)}
            for name, found in ((column.change, self.change), (column.gain, self.distillation)):
                if metric in found:
                    numbers[f"{name}_mean"] = found[metric].points
                    numbers[f"{name}_mean_p_value"] = found[metric].p_value
        return numbers

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "OverSeeds":
        """What `asdict` gives, as JSON holds it."""
        parts = (
            {name: Difference(**each) for name, each in fields[part].items()} for part in ("change", "distillation")
        )
        change, distillation = parts
        return cls({metric: tuple(each) for metric, each in fields["values"].items()}, change, distillation)


def of_model(
    name: str,
    family: Family,
    predictions: Mapping[str, NDArray[np.int64]],
    labels: NDArray[np.int64],
    classes: int,
) -> OverSeeds | None:
    """What all seeds of a model say; None for one of a single seed. Class indices int64 [N] by model."""
    own = [predictions[each] for each in families.repeats(name, family)]
    if len(own) == 1:
        return None

    def against(reference: str | None) -> Mapping[Metric, Difference]:
        if reference is None:
            return {}
        others = [predictions[each] for each in families.repeats(reference, family)]
        return differences(own, others if len(others) == len(own) else others[:1], labels, classes)

    control = families.controls(family).get(name)
    return OverSeeds(values(own, labels, classes), against(family[name].parent), against(control))


def values(
    predictions: Sequence[NDArray[np.int64]], labels: NDArray[np.int64], classes: int
) -> dict[Metric, tuple[float, ...]]:
    """Of each metric the value of each seed; class indices int64 [N]."""
    counts = [metrics.tally(labels, predicted, classes) for predicted in predictions]
    return {metric: tuple(float(metrics.value(metric, each)) for each in counts) for metric in METRICS}


def differences(
    predictions: Sequence[NDArray[np.int64]],
    reference: Sequence[NDArray[np.int64]],
    labels: NDArray[np.int64],
    classes: int,
) -> dict[Metric, Difference]:
    """What a model gains over a reference, seed by seed, in percentage points with their 95 % interval.

    predictions, reference  of each seed the class indices, int64 [N]; a reference of one seed is compared with each

    Raises ValueError where there are fewer than two seeds, or more of the reference than one and not as many.
    """
    count = len(predictions)
    if count < 2 or len(reference) not in (1, count):
        raise ValueError(f"{count} and {len(reference)} seeds; allowed are two or more, and as many or one")
    pairs = [(first, reference[seed % len(reference)]) for seed, first in enumerate(predictions)]
    found: dict[Metric, Difference] = {}
    own, others = (values(each, labels, classes) for each in zip(*pairs, strict=True))
    for metric in METRICS:
        by_seed = [100 * (first - second) for first, second in zip(own[metric], others[metric], strict=True)]
        found[metric] = crossed(by_seed, _variance_of_samples(metric, pairs, labels, classes), len(labels))
    return found


def crossed(by_seed: Sequence[float], variance_of_samples: float, samples: int) -> Difference:
    """The mean difference of the seeds, its two-sided p-value and 95 % interval.

    by_seed              percentage points of each seed
    variance_of_samples  of the mean difference, as far as the choice of so many samples goes; points squared
    """
    seeds, mean = len(by_seed), float(np.mean(by_seed))
    variance_of_seeds = float(np.var(by_seed, ddof=1)) / seeds
    variance = variance_of_seeds + variance_of_samples
    if variance == 0:
        return Difference(mean, 1.0 if mean == 0 else 0.0, mean, mean)
    freedom = variance**2 / (variance_of_seeds**2 / (seeds - 1) + variance_of_samples**2 / max(samples - 1, 1))
    deviation = math.sqrt(variance)
    half = float(special.stdtrit(freedom, (1 + _CONFIDENCE) / 2)) * deviation
    return Difference(mean, float(2 * special.stdtr(freedom, -abs(mean) / deviation)), mean - half, mean + half)


def _variance_of_samples(
    metric: Metric,
    pairs: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    labels: NDArray[np.int64],
    classes: int,
) -> float:
    if metric == "accuracy":
        hits = [(first == labels).astype(float) - (second == labels) for first, second in pairs]
        return float(np.var(100 * np.mean(hits, axis=0), ddof=1)) / len(labels)
    resampled = bootstrap.resample(labels, [predicted for pair in pairs for predicted in pair], classes)
    values = [metrics.value(metric, each) for each in resampled]
    gains = np.mean([first - second for first, second in zip(values[::2], values[1::2], strict=True)], axis=0)
    return float(np.var(100 * gains, ddof=1))
