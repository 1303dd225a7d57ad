"""What a result is judged by: a threshold of the recipe against a number that its stage found.

Every gate is an asset check in Dagster. One that blocks stops whatever would be made from the result; one about a
model keeps that model from being promoted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compression_ops import quantities
from compression_ops.metric import WORDS, Metric
from pipelines.graph.asset import Asset
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.materialization import Check, Materialization

_NO_MORE: Mapping[str, float] = {}
_ROUNDING = 1e-9  # differences of accuracy are multiples of one sample, far coarser than this


@dataclass(frozen=True)
class Evidence:
    """What a gate is judged on: the asset, its new result, and where earlier ones lie."""

    asset: Asset
    entry: Materialization
    history: History
    store: ArtifactStore

    @property
    def metrics(self) -> Mapping[str, float]:
        """The numbers that the stage found."""
        return self.entry.metrics

    def threshold(self, path: str) -> float:
        """A threshold by its path in the recipe."""
        return self.asset.gates[path]

    @property
    def metric(self) -> Metric:
        """What models are judged by, where that is no parameter of the computation."""
        return self.asset.gates["metric"]


@dataclass(frozen=True)
class Gate:
    """A check of a result.

    name         as Dagster shows it: `accuracy_floor`, `latency_int8`
    description  what it asks
    judge        what it finds
    blocking     whether nothing may be made from a result that does not pass
    subject      the model that it is about, where that is not the asset itself
    decides      whether it keeps a model from being promoted
    """

    name: str
    description: str
    judge: Callable[["Gate", Evidence], Check]
    blocking: bool = False
    subject: str | None = None
    decides: bool = False

    @property
    def stops(self) -> bool:
        """Whether failing it stops something: what would come next, or a promotion. All others warn."""
        return self.blocking or self.decides

    def found(self, passed: bool, words: str, numbers: Mapping[str, float]) -> Check:
        """What it found, in words and numbers."""
        return Check(self.name, bool(passed), self.blocking, words, numbers, self.subject)

    def at_least(
        self, evidence: Evidence, path: str, text: str, found: float, more: Mapping[str, float] = _NO_MORE
    ) -> Check:
        """Whether a number reaches the threshold at `path`; `text` has `{}` for the number."""
        threshold = evidence.threshold(path)
        limit = f"at least {threshold:g} ({path})"
        return self._compared(found >= threshold - _ROUNDING, text, found, limit, threshold, more)

    def at_most(
        self, evidence: Evidence, path: str, text: str, found: float, more: Mapping[str, float] = _NO_MORE
    ) -> Check:
        """Whether a number keeps to the threshold at `path`; `text` has `{}` for the number."""
        threshold = evidence.threshold(path)
        limit = f"at most {threshold:g} ({path})"
        return self._compared(found <= threshold + _ROUNDING, text, found, limit, threshold, more)

    def _compared(
        self, passed: bool, text: str, found: float, limit: str, threshold: float, more: Mapping[str, float]
    ) -> Check:
        told = text.format(quantities.beside(threshold, found, 4, "g"))
        words = f"{told}; {limit} is asked{'' if passed else ', so this fails'}."
        return self.found(passed, words, {"found": float(found), "threshold": float(threshold), **more})


def validation_floor(path: str) -> Callable[[Gate, Evidence], Check]:
    """Judges the validation accuracy of a network, or what the recipe's metric is, by the threshold at `path`."""

    def judge(gate: Gate, evidence: Evidence) -> Check:
        metric: Metric = evidence.asset.values["metric"]
        found = evidence.metrics[f"validation_{metric}"]
        return gate.at_least(evidence, path, f"The validation {WORDS[metric]} is {{}}", found)

    return judge


def failing(checks: tuple[Check, ...], model: str | None = None) -> list[str]:
    """In words, the failed checks that are about a model; without one, those about the asset itself."""
    return [check.words for check in checks if not check.passed and check.subject == model]
