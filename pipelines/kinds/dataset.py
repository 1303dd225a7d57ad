"""The data set: train, validation and test split as tensors."""

from collections.abc import Iterator

from compression_ops import implementations
from pipelines.graph.asset import RAW_DATA, Asset
from pipelines.kinds.gate import Evidence, Gate
from pipelines.kinds.kind import Kind, thresholds
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Check, Materialization

_WHOLE = ("classes", "samples")  # what drift is told of that is no part of a sample


def assets(recipe: Recipe) -> Iterator[Asset]:
    """The one data set."""
    judged = thresholds(recipe, "gates.min_class_balance", "gates.max_duplicates", "gates.max_drift")
    code = (implementations.module_name(recipe.dataset), *recipe.dataset.readers)
    yield Asset("dataset", "dataset", recipe.dataset, (RAW_DATA,), {"": "dataset"}, code, judged)


def gates(asset: Asset) -> Iterator[Gate]:
    """Labels are sound, and stop everything else if they are not; the rest warns."""
    yield Gate("label_range", "Every label names a class, and every class has samples.", label_range, blocking=True)
    yield Gate("class_balance", "No class is rare in the training split.", class_balance)
    yield Gate("duplicates", "Test samples do not stand in another split.", duplicates)
    yield Gate("drift", "Classes and samples are distributed as in the last data set.", drift)


def label_range(gate: Gate, evidence: Evidence) -> Check:
    """The stage itself refuses all but one class."""
    metrics = evidence.metrics
    classes, samples = metrics["classes"], sum(metrics[f"{name}_samples"] for name in ("train", "validation", "test"))
    words = f"All {samples:,.0f} labels lie in 0 to {classes - 1:.0f}; each of the {classes:.0f} classes has samples."
    return gate.found(classes >= 2, words, {"classes": float(classes), "samples": float(samples)})


def class_balance(gate: Gate, evidence: Evidence) -> Check:
    """The smallest class against the largest."""
    text = "The smallest class has {} times the samples of the largest"
    return gate.at_least(evidence, "gates.min_class_balance", text, evidence.metrics["class_balance"])


def duplicates(gate: Gate, evidence: Evidence) -> Check:
    """Test samples that also stand in another split."""
    metrics = evidence.metrics
    share = metrics["duplicates_across_splits"] / max(metrics["test_samples"], 1)
    text = "A share of {} of the test split stands in another too"
    return gate.at_most(evidence, "gates.max_duplicates", text, share)


def drift(gate: Gate, evidence: Evidence) -> Check:
    """How far the data set is from the last one that differed."""
    drifts = against_the_last(evidence)
    if drifts is None:
        return gate.found(True, "There is no earlier data set to compare it with.", {})
    most = max(drifts, key=lambda name: drifts[name])
    part = "" if most in _WHOLE else f" in {most}".replace("{", "{{").replace("}", "}}")
    text = f"The population stability index against the last data set is {{}}{part}"
    return gate.at_most(evidence, "gates.max_drift", text, drifts[most], drifts)


def against_the_last(evidence: Evidence) -> dict[str, float] | None:
    """How far a data set is from the last one that differed: its classes, its samples, and where these have parts the
    one that has moved most. None if there is none, its artifact is gone, or it was of another kind of sample.
    """
    entry, store = evidence.entry, evidence.store
    history = evidence.history.of_asset(entry.recipe, entry.asset)
    earlier = [known for known in history if known.digest != entry.digest]
    if not earlier:
        return None
    last = store.find(earlier[-1].artifact)
    if last is None:
        return None
    from compression_ops.data import drift

    now = store.fetch(entry.artifact)
    if not drift.are_alike(last, now):
        return None
    measured = drift.measure(last, now)
    part = {measured.part: measured.samples} if measured.part is not None and measured.samples else {}
    return {**part, "classes": measured.classes, "samples": measured.samples}


def headline(entry: Materialization) -> str:
    """`1200 train, 212 validation, 385 test samples`."""
    parts = [f"{int(entry.metrics[f'{split}_samples'])} {split}" for split in ("train", "validation", "test")]
    return ", ".join(parts) + " samples"


KIND = Kind(
    description="Train, validation and test split as tensors. Only measurements and the champion read the test split.",
    badges=("dataset",),
    assets=assets,
    gates=gates,
    headline=headline,
)
