"""The measurements: every model as the onnxruntime session that a user would run, on the test split."""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from compression_ops import implementations, quantities
from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.family import Member, Role
from compression_ops.evaluation.targets.derived import Derived
from compression_ops.metric import WORDS, Metric, columns
from compression_ops.stages.measurements import Measurements
from pipelines.graph.asset import Asset
from pipelines.kinds.gate import Evidence, Gate
from pipelines.kinds.kind import (
    Kind,
    Page,
    allowed_differences,
    allowed_share,
    network_code,
    repeats,
    teacher_code,
    thresholds,
)
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Check, Materialization

_THRESHOLDS = (
    "metric",
    "gates.min_distillation_gain",
    "gates.max_latency_us",
    "benchmark.max_accuracy_drop",
    "benchmark.min_compression",
)

_ROUNDING = 1e-9  # of a share times a number of samples

_FOLLOWED = frozenset(
    {
        "test_accuracy",
        "accuracy_change_points",
        "file_bytes",
        "compression_ratio",
        "speedup_ratio",
        "differing_samples",
    }
)


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One, of all models together: they are compared on the same samples and in the same minutes."""
    models, targets = _models(recipe), _targets(recipe)
    architectures = {student.architecture for student in recipe.students.values()} - {recipe.teacher.architecture}
    yield Asset(
        name="measurements",
        kind="measurements",
        parameters=recipe.benchmark.part(Conditions).part(Measurements, models=models, targets=targets),
        inputs=("dataset", *models, *targets),
        origins={"": "benchmark", "models": "the recipe's models", "targets": "the recipe's targets"},
        code=(
            *teacher_code(recipe, None),
            *(module for each in sorted(architectures) for module in network_code(each)),
            *sorted({implementations.module_name(derived.target) for derived in targets.values()}),
        ),
        gates=thresholds(recipe, *_THRESHOLDS) | allowed_differences(recipe),
        targets=tuple(derived.target for derived in targets.values()),
        is_heavy=True,
    )


def _models(recipe: Recipe) -> dict[str, Member]:
    models = {"teacher": Member(role="teacher")}

    def add(name: str, role: Role, parent: str, seeds: int) -> None:
        for asset, further in repeats(name, seeds):
            models[asset] = Member(role=role, parent=parent, repeats=name if further else None)

    for name, student in recipe.students.items():
        add(f"student/{name}", "student", recipe.model_of(student.teacher), student.seeds)
        if student.control:
            add(f"control/{name}", "control", f"student/{name}", student.seeds)
    for name, quantized in recipe.quantized_students.items():
        seeds = recipe.students[quantized.student_name].seeds
        add(f"quantized_student/{name}", "quantized", quantized.source, seeds)
    return models


def _targets(recipe: Recipe) -> dict[str, Derived]:
    return {
        recipe.target_of(name, target): Derived(target=target, model=f"quantized_student/{name}")
        for name, quantized in recipe.quantized_students.items()
        for target in quantized.targets
    }


def gates(asset: Asset) -> Iterator[Gate]:
    """What distillation gained, which warns; what quantization cost, and targets that answer otherwise, which keep a
    model from being promoted.
    """
    for name, member in _members(asset).items():
        short = name.partition("/")[2]
        if member.repeats is not None:
            continue
        if member.role == "control" and member.parent is not None:
            student = member.parent
            gain = f"distillation_gain_{student.partition('/')[2]}"
            yield Gate(gain, f"The teacher helps {student}.", distillation_gain, subject=student)
        if member.role == "quantized":
            drop = f"Quantization costs {name} little."
            yield Gate(f"accuracy_drop_{short}", drop, accuracy_drop, subject=name, decides=True)
            small = f"{name} is much smaller than the teacher."
            yield Gate(f"compression_{short}", small, compression, subject=name, decides=True)
            if asset.gates["gates.max_latency_us"] is not None:
                yield Gate(f"latency_{short}", f"{name} is fast enough.", latency, subject=name, decides=True)
    for name, derived in _derived(asset).items():
        same = f"{name} answers as {derived.model} does."
        short = name.partition("/")[2].replace("/", "_")
        yield Gate(f"agreement_{short}", same, agreement(name), subject=derived.model, decides=True)


def _members(asset: Asset) -> Mapping[str, Member]:
    assert isinstance(asset.parameters, Measurements)
    return asset.parameters.models


def _derived(asset: Asset) -> Mapping[str, Derived]:
    assert isinstance(asset.parameters, Measurements)
    return asset.parameters.targets


def distillation_gain(gate: Gate, evidence: Evidence) -> Check:
    """A student against its control."""
    column = columns(evidence.metric)
    gain, p_value, seeds = _difference(gate, evidence, column.gain, column.gain_p_value)
    told = quantities.beside(evidence.threshold("gates.min_distillation_gain"), gain, 4, "g")
    found = f"gains {told} points over" if gain >= 0 else f"is {told.removeprefix('-')} points behind"
    text = (
        f"In test {WORDS[evidence.metric]} {gate.subject} {found} its control ({seeds}{quantities.p_equals(p_value)})"
    )
    return gate.at_least(evidence, "gates.min_distillation_gain", text, gain, {"p_value": p_value})


def accuracy_drop(gate: Gate, evidence: Evidence) -> Check:
    """A quantized student against the student, or the control, that it is made of."""
    column, members = columns(evidence.metric), _members(evidence.asset)
    change, p_value, seeds = _difference(gate, evidence, column.change, column.p_value)
    parent = members[gate.subject or ""].parent
    source = members[parent].role if parent else "student"
    lost = f"{gate.subject} loses {{}} points of test {WORDS[evidence.metric]} to its {source}"
    text = f"{lost} ({seeds}{quantities.p_equals(p_value)})"
    drop = 0.0 - change  # never "-0"
    return gate.at_most(evidence, "benchmark.max_accuracy_drop", text, drop, {"p_value": p_value})


def _difference(gate: Gate, evidence: Evidence, points: str, p_value: str) -> tuple[float, float, str]:
    """The points and the p-value, over all seeds where there are several, and words that say over how many."""
    metrics, mean = evidence.metrics, f"{gate.subject}.{points}_mean"
    if mean in metrics:
        seeds = f"mean of {metrics[f'{gate.subject}.seeds']:.0f} seeds, "
        return metrics[mean], metrics[f"{mean}_p_value"], seeds
    return metrics[f"{gate.subject}.{points}"], metrics[f"{gate.subject}.{p_value}"], ""


def compression(gate: Gate, evidence: Evidence) -> Check:
    """The file of a quantized student against the teacher's."""
    text = f"The file of {gate.subject} is {{}} times smaller than the teacher's"
    ratio = evidence.metrics[f"{gate.subject}.compression_ratio"]
    return gate.at_least(evidence, "benchmark.min_compression", text, ratio)


def latency(gate: Gate, evidence: Evidence) -> Check:
    """The median call of a quantized student."""
    assert isinstance(evidence.asset.parameters, Measurements)
    size = evidence.asset.parameters.batch_sizes[0]
    text = f"A call of {gate.subject} at batch size {size} takes {{}} µs at the median"
    latency = evidence.metrics[f"{gate.subject}.latency_p50_us_batch{size}"]
    return gate.at_most(evidence, "gates.max_latency_us", text, latency)


def agreement(target: str) -> Callable[[Gate, Evidence], Check]:
    """Judges a target against its quantized student, sample by sample of the test split.

    Where any may differ one may, of however few: a share of them may be less than a sample.
    """

    def judge(gate: Gate, evidence: Evidence) -> Check:
        differing, share = (evidence.metrics[f"{target}.differing_{each}"] for each in ("samples", "share"))
        path = allowed_share(target)
        allowed = evidence.threshold(path)
        rule = f"a share of {allowed:g} may, and always one sample ({path})" if allowed else f"none may ({path})"
        if not differing:
            words = f"{target} classifies no test sample otherwise than {gate.subject}; {rule}."
            return gate.found(True, words, {"found": 0.0, "threshold": allowed})
        samples = round(differing / share)
        limit = max(1, math.floor(allowed * samples + _ROUNDING)) if allowed else 0
        passed = differing <= limit
        words = f"{target} classifies {differing:.0f} of {samples} test samples otherwise than {gate.subject}"
        verdict = f"here {limit}{'' if passed else ', so this fails'}"
        return gate.found(passed, f"{words}; {rule}: {verdict}.", {"found": share, "threshold": limit / samples})

    return judge


def headline(entry: Materialization) -> str:
    """`test accuracy: teacher 100.00%, student/small 98.70% ± 0.31 (5 seeds), ...`."""
    metric = _judged_by(entry)
    column, found = columns(metric).value, entry.metrics
    told: list[str] = []
    for name in entry.parameters["models"]:
        if (seeds := found.get(f"{name}.seeds")) is not None:
            mean, deviation = found[f"{name}.{column}_mean"], found[f"{name}.{column}_sd"]
            told.append(f"{name} {mean:.2%} ± {100 * deviation:.2f} ({seeds:.0f} seeds)")
        elif (value := found.get(f"{name}.{column}")) is not None:
            told.append(f"{name} {value:.2%}")
    return f"test {WORDS[metric]}: " + ", ".join(told)


def page(folder: Path, entry: Materialization) -> Page:
    """Of the many numbers, those whose course over time a reader follows."""
    column = columns(_judged_by(entry))
    followed = {*_FOLLOWED, column.value, column.change}
    return Page(numbers={name: value for name, value in entry.metrics.items() if name.rpartition(".")[2] in followed})


def _judged_by(entry: Materialization) -> Metric:
    return entry.gates.get("metric", "accuracy")  # entries of earlier versions have none


KIND = Kind(
    description="Every model as the onnxruntime session that a user would run, measured on the test split.",
    badges=("onnx", "measured"),
    assets=assets,
    gates=gates,
    headline=headline,
    page=page,
    is_evaluation=True,
    reads_test=True,
)
