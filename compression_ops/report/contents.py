"""What the benchmark found, before it is written as a table, as Markdown or as a page."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compression_ops import quantities
from compression_ops.evaluation import quality, statistics
from compression_ops.evaluation.cost import Cost
from compression_ops.evaluation.latency import Latency
from compression_ops.evaluation.processor import Processor
from compression_ops.evaluation.quality import Change, Quality
from compression_ops.report import family, verdict
from compression_ops.report.verdict import Verdict


@dataclass(frozen=True)
class ModelReport:
    """One model, without its latency and memory: what is the same whenever and wherever it is measured.

    depth              generations below its teacher
    change             against its parent; None for the teacher
    teacher_agreement  fraction of test samples on which it predicts its teacher's class; None for the teacher
    compression_ratio  its teacher's file bytes / its own
    verdict            of a quantized student; else None
    distillation       of a student that has a control: its change against that control; else None
    """

    name: str
    parent: str | None
    teacher: str
    depth: int
    quality: Quality
    change: Change | None
    teacher_agreement: float | None
    cost: Cost
    compression_ratio: float
    verdict: Verdict | None
    distillation: Change | None

    @property
    def kind(self) -> str:
        return family.kind(self.name)


@dataclass(frozen=True)
class Conditions:
    """How the latencies were measured, and what was asked of the quantized students."""

    processor: Processor
    onnxruntime: str
    batch_sizes: tuple[int, ...]
    threads: int
    iterations: int
    warmup: int
    max_accuracy_drop: float
    min_compression: float


@dataclass(frozen=True)
class Report:
    """All of it. latency: by (model, batch size); peak_memory: bytes by model, None where the system cannot tell."""

    classes: tuple[str, ...]
    test_samples: int
    models: tuple[ModelReport, ...]
    conditions: Conditions
    latency: Mapping[tuple[str, int], Latency]
    peak_memory: Mapping[str, int | None]

    @property
    def digits(self) -> int:
        """Decimals that a percentage over this test set deserves."""
        return quantities.accuracy_digits(self.test_samples)

    def speedup(self, model: ModelReport) -> float:
        """The teacher's median latency / the model's, at the first batch size."""
        batch_size = self.conditions.batch_sizes[0]
        return self.latency[model.teacher, batch_size].p50_us / self.latency[model.name, batch_size].p50_us


def compile_models(
    parents: Mapping[str, str | None],
    logits: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    costs: Mapping[str, Cost],
    max_accuracy_drop: float,
    min_compression: float,
) -> tuple[ModelReport, ...]:
    """Judge every model, each followed by its descendants.

    parents: {name: parent's name | None}; logits: float32 [N, classes] of each model on the test samples, in the order
    of `labels`, int64 [N]; costs: of each model's ONNX file. Limits: see `verdict.judge`.
    """
    control_of = family.controls(parents)
    digits = quantities.accuracy_digits(len(labels))

    def compiled(name: str) -> ModelReport:
        parent, teacher, control = parents[name], family.teacher_of(name, parents), control_of.get(name)
        change = None if parent is None else quality.compare(logits[name], parent, logits[parent], labels)
        ratio = costs[teacher].file_bytes / costs[name].file_bytes
        judged = change if family.kind(name) == "quantized_student" else None
        return ModelReport(
            name=name,
            parent=parent,
            teacher=teacher,
            depth=family.depth(name, parents),
            quality=quality.assess(logits[name], labels),
            change=change,
            teacher_agreement=None if parent is None else _agreement(logits[name], logits[teacher]),
            cost=costs[name],
            compression_ratio=ratio,
            verdict=None
            if judged is None
            else verdict.judge(judged, ratio, max_accuracy_drop, min_compression, digits),
            distillation=None if control is None else quality.compare(logits[name], control, logits[control], labels),
        )

    return tuple(compiled(name) for name in family.order(parents))


def recommended(models: tuple[ModelReport, ...]) -> ModelReport:
    """The model to look at first: of the quantized students that pass, the smallest file; if none passes, the most
    accurate of the quantized students, else of the students, else of all.
    """
    passing = [model for model in models if model.verdict is not None and model.verdict.passed]
    if passing:
        return min(passing, key=lambda model: (model.cost.file_bytes, -model.quality.accuracy.successes))
    for kinds in ({"quantized_student"}, {"student"}):
        if candidates := [model for model in models if model.kind in kinds]:
            return max(candidates, key=lambda model: model.quality.accuracy.successes)
    return max(models, key=lambda model: model.quality.accuracy.successes)


def _agreement(logits: NDArray[np.float32], teacher_logits: NDArray[np.float32]) -> float:
    return statistics.agreement(logits.argmax(axis=1), teacher_logits.argmax(axis=1))
