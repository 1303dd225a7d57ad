"""The measurements: every model as the onnxruntime session that a user would run, on the test split."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.family import Member
from compression_ops.metric import WORDS, Metric, columns
from compression_ops.stages.measurements import Measurements
from pipelines.graph.asset import Asset
from pipelines.kinds.gate import Evidence, Gate
from pipelines.kinds.kind import Kind, Page, network_code, thresholds
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Check, Materialization

_THRESHOLDS = (
    "metric",
    "gates.min_distillation_gain",
    "gates.max_latency_us",
    "benchmark.max_accuracy_drop",
    "benchmark.min_compression",
)

_FOLLOWED = frozenset({"test_accuracy", "accuracy_change_points", "file_bytes", "compression_ratio", "speedup_ratio"})


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One, of all models together: they are compared on the same samples and in the same minutes."""
    models = _models(recipe)
    architectures = {recipe.teacher.architecture, *(student.architecture for student in recipe.students.values())}
    yield Asset(
        name="measurements",
        kind="measurements",
        parameters=recipe.benchmark.part(Conditions).part(Measurements, models=models),
        inputs=("dataset", *models),
        origins={"": "benchmark", "models": "the recipe's models"},
        code=tuple(module for each in sorted(architectures) for module in network_code(each)),
        gates=thresholds(recipe, *_THRESHOLDS),
        is_heavy=True,
    )


def _models(recipe: Recipe) -> dict[str, Member]:
    models = {"teacher": Member(role="teacher")}
    for name, student in recipe.students.items():
        models[f"student/{name}"] = Member(role="student", parent="teacher")
        if student.control:
            models[f"control/{name}"] = Member(role="control", parent=f"student/{name}")
    for name, quantized in recipe.quantized_students.items():
        models[f"quantized_student/{name}"] = Member(role="quantized", parent=f"student/{quantized.student}")
    return models


def gates(asset: Asset) -> Iterator[Gate]:
    """What distillation gained, which warns; what quantization cost, which keeps a model from being promoted."""
    for name, member in _members(asset).items():
        short = name.partition("/")[2]
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


def _members(asset: Asset) -> Mapping[str, Member]:
    assert isinstance(asset.parameters, Measurements)
    return asset.parameters.models


def distillation_gain(gate: Gate, evidence: Evidence) -> Check:
    """A student against its control."""
    column = columns(evidence.metric)
    p_value = evidence.metrics[f"{gate.subject}.{column.gain_p_value}"]
    gain = evidence.metrics[f"{gate.subject}.{column.gain}"]
    found = f"gains {gain:.4g} points over" if gain >= 0 else f"is {-gain:.4g} points behind"
    text = f"In test {WORDS[evidence.metric]} {gate.subject} {found} its control (p = {p_value:.2g})"
    return gate.at_least(evidence, "gates.min_distillation_gain", text, gain, {"p_value": p_value})


def accuracy_drop(gate: Gate, evidence: Evidence) -> Check:
    """A quantized student against its student."""
    column = columns(evidence.metric)
    p_value = evidence.metrics[f"{gate.subject}.{column.p_value}"]
    text = f"{gate.subject} loses {{}} points of test {WORDS[evidence.metric]} to its student (p = {p_value:.2g})"
    drop = 0.0 - evidence.metrics[f"{gate.subject}.{column.change}"]  # never "-0"
    return gate.at_most(evidence, "benchmark.max_accuracy_drop", text, drop, {"p_value": p_value})


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


def headline(entry: Materialization) -> str:
    """`test accuracy: teacher 100.00%, student/small 98.70%, ...`."""
    metric = _judged_by(entry)
    suffix = f".{columns(metric).value}"
    accuracies = {n.removesuffix(suffix): value for n, value in entry.metrics.items() if n.endswith(suffix)}
    names = [name for name in entry.parameters["models"] if name in accuracies]
    return f"test {WORDS[metric]}: " + ", ".join(f"{name} {accuracies[name]:.2%}" for name in names)


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
