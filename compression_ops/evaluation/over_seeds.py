"""What training the same network from several seeds says of it: how far seeds scatter, and what is more than chance.

A difference of two models over S seeds and N test samples has two sources of chance: other seeds would train other
networks, and other samples would ask other questions. Both are counted as in a crossed design of random effects (Owen
2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2)):

    d_s   the difference on all samples, of seed s          V₁ = Var(d_s) / S
    d_i   the mean difference over seeds, on sample i       V₂ = Var(d_i) / N; of metrics that are no mean over samples
                                                                 the bootstrap's variance

whose sum, where seed and sample interact, counts that twice. Each is an estimate, V₁ one of few degrees of freedom: of
two seeds it is often close to 0 by luck, and freedom that is estimated too (Welch & Satterthwaite 1947) then grants
the whole difference that of the samples, so that up to 12 % of what is alike is told apart at 5 %. Each part has its
own freedom instead (Banerjee 1961, "On confidence interval for two-means problem based on separate estimates of
variances and tabulated values of t-table", Sankhyā A 23):

    mean ± √(t₁²·V₁ + t₂²·V₂),    t₁, t₂ Student's quantiles of S − 1 and of N − 1 degrees of freedom

holds at least as often as it says, however the chances relate: in the long run what is alike is told apart at most as
often as the level. p is the level at which that interval ends at 0.
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
_LEAST = 1e-300  # p-value that is told apart from none
_HALVINGS = 50  # of the logarithm between bounds of a p-value: 700 / 2^50


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
    parts = ((float(np.var(by_seed, ddof=1)) / seeds, seeds - 1), (variance_of_samples, max(samples - 1, 1)))
    half = _half(1 - _CONFIDENCE, parts)
    return Difference(mean, _level(abs(mean), parts), mean - half, mean + half)


def _half(level: float, parts: Sequence[tuple[float, int]]) -> float:
    """Half of the interval that leaves out `level` at most: of each part its variance and degrees of freedom."""
    return math.hypot(*(special.stdtrit(freedom, level / 2) * math.sqrt(variance) for variance, freedom in parts))


def _level(mean: float, parts: Sequence[tuple[float, int]]) -> float:
    """The level whose interval is as wide as the mean is far from 0: between those of the fewest and most freedom."""
    if mean == 0:
        return 1.0
    deviation = math.sqrt(sum(variance for variance, _ in parts))
    if deviation == 0:
        return 0.0
    freedoms = [freedom for variance, freedom in parts if variance > 0]
    low, high = (max(_LEAST, float(2 * special.stdtr(of(freedoms), -mean / deviation))) for of in (max, min))
    for _ in range(_HALVINGS if low < high else 0):
        middle = math.sqrt(low) * math.sqrt(high)
        low, high = (low, middle) if _half(middle, parts) < mean else (middle, high)
    return high


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
