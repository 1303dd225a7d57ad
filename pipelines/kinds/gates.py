"""What each result is judged by: thresholds of the recipe against numbers that its stage found.

Every gate is an asset check in Dagster. Those that block stop whatever would be made from the result; those of a
quantized student, which the benchmark report judges, keep it from being promoted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pipelines.graph.graph import Asset
from pipelines.state.history import Check, Materialization


@dataclass(frozen=True)
class Gate:
    """What there is to say of a check before anything was judged: its name, what it asks, whether it blocks."""

    name: str
    description: str
    blocking: bool = False
    subject: str | None = None


@dataclass(frozen=True)
class Evidence:
    """What a gate is judged on: the result, and how far a data set is from the last one (`None`: there is none)."""

    entry: Materialization
    drift: Mapping[str, float] | None = None


Judge = Callable[[Asset, Evidence, Gate], Check]


def of_asset(asset: Asset) -> list[Gate]:
    """The gates of an asset."""
    return [gate for gate, _ in _table(asset)]


def judge(asset: Asset, evidence: Evidence) -> tuple[Check, ...]:
    """What each gate of an asset finds."""
    return tuple(found(asset, evidence, gate) for gate, found in _table(asset))


def failing(checks: tuple[Check, ...], model: str | None = None) -> list[str]:
    """In words, the failed checks that are about a model; without one, those about the asset itself."""
    return [check.words for check in checks if not check.passed and check.subject == model]


def _table(asset: Asset) -> Iterator[tuple[Gate, Judge]]:
    match asset.kind:
        case "dataset":
            yield Gate("label_range", "Every label names a class, and every class has samples.", True), _label_range
            yield Gate("class_balance", "No class is rare in the training split."), _class_balance
            yield Gate("duplicates", "Test images do not stand in another split."), _duplicates
            yield Gate("drift", "Classes and pixels are distributed as in the last data set."), _drift
        case "teacher":
            yield Gate("accuracy_floor", "The teacher is good enough to be learned from.", True), _accuracy_floor
        case "student":
            yield Gate("accuracy_floor", "The student is good enough to be quantized.", True), _accuracy_floor
        case "quantized_student":
            yield Gate("onnx_parity", "The ONNX export computes what the torch model computes."), _onnx_parity
            yield Gate("integer_kernels", "onnxruntime's optimized session runs in integers."), _integer_kernels
        case "benchmark_report":
            yield from _of_report(asset)
        case _:
            pass


def _of_report(asset: Asset) -> Iterator[tuple[Gate, Judge]]:
    parents: Mapping[str, str | None] = asset.parameters["models"]
    for name, parent in parents.items():
        kind, _, short = name.partition("/")
        if kind == "control" and parent is not None:
            student = parent.partition("/")[2]
            gate = Gate(f"distillation_gain_{student}", f"The teacher helps {parent}.", subject=parent)
            yield gate, _distillation_gain
        if kind == "quantized_student":
            yield Gate(f"accuracy_drop_{short}", f"Quantization costs {name} little.", subject=name), _accuracy_drop
            yield Gate(f"compression_{short}", f"{name} is much smaller than the teacher.", subject=name), _compression
            if asset.gates["gates.max_latency_us"] is not None:
                yield Gate(f"latency_{short}", f"{name} is fast enough.", subject=name), _latency


def _label_range(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    metrics = evidence.entry.metrics
    classes, samples = metrics["classes"], sum(metrics[f"{name}_samples"] for name in ("train", "validation", "test"))
    words = f"All {samples:,.0f} labels lie in 0 to {classes - 1:.0f}; each of the {classes:.0f} classes has samples."
    numbers = {"classes": float(classes), "samples": float(samples)}
    return Check(gate.name, classes >= 2, gate.blocking, words, numbers)  # the stage itself refuses all else


def _class_balance(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    text = "The smallest class has {} times the samples of the largest"
    return _at_least(asset, gate, "gates.min_class_balance", text, evidence.entry.metrics["class_balance"])


def _duplicates(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    metrics = evidence.entry.metrics
    share = metrics["duplicates_across_splits"] / max(metrics["test_samples"], 1)
    return _at_most(asset, gate, "gates.max_duplicates", "A share of {} of the test split stands in another too", share)


def _drift(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    if evidence.drift is None:
        return Check(gate.name, True, gate.blocking, "There is no earlier data set to compare it with.", {})
    text = "The population stability index against the last data set is {}"
    largest = max(evidence.drift.values())
    return _at_most(asset, gate, "gates.max_drift", text, largest, evidence.drift)


def _accuracy_floor(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    found = evidence.entry.metrics["validation_accuracy"]
    return _at_least(asset, gate, f"gates.min_{asset.kind}_accuracy", "The validation accuracy is {}", found)


def _onnx_parity(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    found = evidence.entry.metrics["export_error"]
    return _at_most(asset, gate, "gates.max_export_error", "The largest difference of a logit is {}", found)


def _integer_kernels(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    found = evidence.entry.metrics["integer_share"]
    return _at_least(
        asset, gate, "gates.min_integer_share", "Of the computing nodes a share of {} runs in integers", found
    )


def _distillation_gain(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    metrics = evidence.entry.metrics
    p_value = metrics[f"{gate.subject}.distillation_p_value"]
    text = f"{gate.subject} gains {{}} points of test accuracy over its control (p = {p_value:.2g})"
    found = metrics[f"{gate.subject}.distillation_gain_points"]
    return _at_least(asset, gate, "gates.min_distillation_gain", text, found, {"p_value": p_value})


def _accuracy_drop(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    metrics = evidence.entry.metrics
    p_value = metrics[f"{gate.subject}.mcnemar_p_value"]
    text = f"{gate.subject} loses {{}} points of test accuracy to its student (p = {p_value:.2g})"
    found = 0.0 - metrics[f"{gate.subject}.accuracy_change_points"]  # never "-0"
    return _at_most(asset, gate, "benchmark.max_accuracy_drop", text, found, {"p_value": p_value})


def _compression(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    text = f"The file of {gate.subject} is {{}} times smaller than the teacher's"
    found = evidence.entry.metrics[f"{gate.subject}.compression_ratio"]
    return _at_least(asset, gate, "benchmark.min_compression", text, found)


def _latency(asset: Asset, evidence: Evidence, gate: Gate) -> Check:
    size = asset.parameters["batch_sizes"][0]
    text = f"A call of {gate.subject} at batch size {size} takes {{}} µs at the median"
    return _at_most(
        asset, gate, "gates.max_latency_us", text, evidence.entry.metrics[f"{gate.subject}.latency_p50_us_batch{size}"]
    )


_NO_MORE: Mapping[str, float] = {}
_ROUNDING = 1e-9  # differences of accuracy are multiples of one sample, far coarser than this


def _at_least(
    asset: Asset, gate: Gate, path: str, text: str, found: float, more: Mapping[str, float] = _NO_MORE
) -> Check:
    threshold = _threshold(asset, path)
    return _compared(
        gate, found >= threshold - _ROUNDING, text, found, f"at least {threshold:g} ({path})", threshold, more
    )


def _at_most(
    asset: Asset, gate: Gate, path: str, text: str, found: float, more: Mapping[str, float] = _NO_MORE
) -> Check:
    threshold = _threshold(asset, path)
    return _compared(
        gate, found <= threshold + _ROUNDING, text, found, f"at most {threshold:g} ({path})", threshold, more
    )


def _threshold(asset: Asset, path: str) -> float:
    """A threshold by its path in the recipe. Those of `benchmark` are parameters of the report, which states them."""
    return asset.gates[path] if path in asset.gates else asset.parameters[path.rpartition(".")[2]]


def _compared(
    gate: Gate, passed: bool, text: str, found: float, limit: str, threshold: float, more: Mapping[str, float]
) -> Check:
    words = f"{text.format(f'{found:.4g}')}; {limit} is asked{'' if passed else ', so this fails'}."
    numbers = {"found": float(found), "threshold": float(threshold), **more}
    return Check(gate.name, bool(passed), gate.blocking, words, numbers, gate.subject)
