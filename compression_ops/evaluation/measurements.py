"""What was measured of a family of models on the test split, before anybody judges or draws it.

`measurements.json` holds what identical runs repeat byte for byte: quality, comparisons, sizes. `timings.json` holds
what differs from run to run: latency, memory, and the machine that they were measured on. `decisions.safetensors`
holds how networks that can tell it decide, `flipped.safetensors` what models answer otherwise, where there are any.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compression_ops.evaluation import family as families
from compression_ops.evaluation import over_seeds, statistics
from compression_ops.evaluation import quality as qualities
from compression_ops.evaluation.comparison import flipped
from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.decisions import decision
from compression_ops.evaluation.family import Family
from compression_ops.evaluation.latency import Latency
from compression_ops.evaluation.models import calibration, measured
from compression_ops.evaluation.models.measured import Cost, Measured
from compression_ops.evaluation.processor import Processor
from compression_ops.evaluation.targets.agreement import Agreement
from compression_ops.footprint import Footprint
from compression_ops.metric import CLASS_AVERAGED
from compression_ops.onnx_model.layers.chosen_kernels import ChosenKernels

CONTENT, TIMINGS = "measurements.json", "timings.json"
# For each batch size N: `latency_p50_us_batch<N>` and so on, microseconds a call.
LATENCY_COLUMNS = {
    "latency_p50_us": "median of all timed calls",
    "latency_p95_us": "95th percentile",
    "latency_p99_us": "99th percentile",
    "latency_mean_us": "arithmetic mean",
}


@dataclass(frozen=True)
class Timings:
    """latency: by (model, batch size); peak_memory: bytes by model, None where the system cannot tell; onnxruntime: its
    version; footprints: by target; kernels: of each model whose layers on integers were chosen by latency, which, and
    what was measured for that.
    """

    processor: Processor
    onnxruntime: str
    latency: Mapping[tuple[str, int], Latency]
    peak_memory: Mapping[str, int | None]
    footprints: Mapping[str, Footprint] = field(default_factory=dict[str, Footprint])
    kernels: Mapping[str, ChosenKernels] = field(default_factory=dict[str, ChosenKernels])


@dataclass(frozen=True)
class Measurements:
    """All of it; each model is followed by its descendants. warnings: what a user should read; in no file."""

    classes: tuple[str, ...]
    test_samples: int
    models: tuple[Measured, ...]
    conditions: Conditions
    timings: Timings
    decisions: tuple[decision.Decision, ...] = ()
    warnings: tuple[str, ...] = ()
    targets: tuple[Agreement, ...] = ()
    flips: tuple[flipped.Flipped, ...] = ()

    def speedup(self, model: Measured) -> float:
        """The teacher's median latency / the model's, at the first batch size."""
        batch_size, latency = self.conditions.sizes[0], self.timings.latency
        return latency[model.teacher, batch_size].p50_us / latency[model.name, batch_size].p50_us

    def numbers(self, model: Measured) -> dict[str, float | int | None]:
        """Every number of one model by its column; None for what it does not have."""
        change, distillation, accuracy = model.change, model.distillation, model.quality.accuracy
        worst = None if change is None else worst_class(change.class_points)
        values: dict[str, float | int | None] = {
            "test_accuracy": accuracy.value,
            "test_accuracy_low": accuracy.low,
            "test_accuracy_high": accuracy.high,
            "accuracy_change_points": None if change is None else change.points,
            "only_model_right_samples": None if change is None else change.only_model_right,
            "only_parent_right_samples": None if change is None else change.only_reference_right,
            "mcnemar_p_value": None if change is None else change.p_value,
            "teacher_agreement": model.teacher_agreement,
            "expected_calibration_error": model.quality.expected_calibration_error,
            "worst_class_change_points": None if change is None or worst is None else change.class_points[worst],
            "distillation_gain_points": None if distillation is None else distillation.points,
            "distillation_p_value": None if distillation is None else distillation.p_value,
            "parameters": model.cost.parameters,
            "file_bytes": model.cost.file_bytes,
            "weight_bytes": model.cost.weight_bytes,
            "macs": model.cost.macs,
            "compression_ratio": model.compression_ratio,
            "peak_memory_bytes": self.timings.peak_memory[model.name],
            "speedup_ratio": self.speedup(model),
            "roc_auc": model.quality.roc_auc,
        }
        for metric in CLASS_AVERAGED:
            values |= qualities.numbers(metric, model.quality, model.change, model.distillation)
        if model.over_seeds is not None:
            values |= model.over_seeds.numbers()
        return values | self._latencies(model.name)

    def _latencies(self, name: str) -> dict[str, float]:
        """By column; of a target that is not timed, none."""
        found = {size: self.timings.latency.get((name, size)) for size in self.conditions.sizes}
        return {
            f"{column}_batch{size}": getattr(latency, column.removeprefix("latency_"))
            for size, latency in found.items()
            for column in LATENCY_COLUMNS
            if latency is not None
        }

    def _of_target(self, target: Agreement) -> dict[str, float]:
        footprint = self.timings.footprints.get(target.name, Footprint())
        return {**target.numbers(), **footprint.numbers(), **self._latencies(target.name)}

    def metrics(self) -> dict[str, float]:
        """Every finite number as `<model>.<column>`, and after them those of targets."""
        numbers = {model.name: self.numbers(model) for model in self.models}
        numbers |= {target.name: self._of_target(target) for target in self.targets}
        return {
            f"{name}.{column}": float(value)
            for name, columns in numbers.items()
            for column, value in columns.items()
            if value is not None and math.isfinite(value)
        }


def compare(
    family: Family,
    logits: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    costs: Mapping[str, Cost],
) -> tuple[Measured, ...]:
    """Every model's quality, and how it compares with its parent, its teacher and its control.

    logits: float32 [N, classes] of each model on the test samples, in the order of `labels`, int64 [N], those of
    further seeds among them; costs: of each model's ONNX file.
    """
    control_of = families.controls(family)
    predictions = {name: values.argmax(axis=1) for name, values in logits.items()}
    classes = next(iter(logits.values())).shape[1]

    def told(name: str) -> Measured:
        parent, teacher, control = family[name].parent, families.teacher_of(name, family), control_of.get(name)
        own = logits[name]
        return Measured(
            name=name,
            role=family[name].role,
            parent=parent,
            teacher=teacher,
            depth=families.depth(name, family),
            quality=qualities.assess(own, labels),
            change=None if parent is None else qualities.compare(own, parent, logits[parent], labels),
            teacher_agreement=None
            if parent is None
            else statistics.agreement(own.argmax(axis=1), logits[teacher].argmax(axis=1)),
            cost=costs[name],
            compression_ratio=costs[teacher].file_bytes / costs[name].file_bytes,
            distillation=None if control is None else qualities.compare(own, control, logits[control], labels),
            over_seeds=over_seeds.of_model(name, family, predictions, labels, classes),
            calibration=calibration.of_logits(own, labels),
        )

    return tuple(told(name) for name in families.order(family))


def worst_class(class_points: tuple[float | None, ...]) -> int | None:
    """Index of the class that lost most, the first of equals; None where no class lost any."""
    lost = [(value, index) for index, value in enumerate(class_points) if value is not None and value < 0]
    return min(lost)[1] if lost else None


def write(measurements: Measurements, folder: Path) -> None:
    """Write `measurements.json`, `timings.json` and what there is of decisions and flips."""
    timings = measurements.timings
    content = {
        "classes": list(measurements.classes),
        "test_samples": measurements.test_samples,
        "models": [measured.plain(model) for model in measurements.models],
        **({"targets": [asdict(target) for target in measurements.targets]} if measurements.targets else {}),
    }
    differing = {
        "conditions": measurements.conditions.model_dump(mode="json"),
        "processor": asdict(timings.processor),
        "onnxruntime": timings.onnxruntime,
        "latency": [
            {"model": name, "batch_size": size, **asdict(latency), "samples_us": latency.samples_us.tolist()}
            for (name, size), latency in timings.latency.items()
        ],
        "peak_memory": dict(timings.peak_memory),
        "footprints": {name: asdict(footprint) for name, footprint in timings.footprints.items()},
        "kernels": {name: chosen.fields() for name, chosen in timings.kernels.items()},
    }
    for name, value in ((CONTENT, content), (TIMINGS, differing)):
        (folder / name).write_bytes((json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    decision.write(measurements.decisions, folder)
    flipped.write(measurements.flips, folder)


def read(folder: Path) -> Measurements:
    """What `write` wrote."""
    content, timings = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (CONTENT, TIMINGS))
    latency = {
        (fields.pop("model"), fields.pop("batch_size")): Latency(
            **fields | {"samples_us": np.array(fields["samples_us"], dtype=np.float64)}
        )
        for fields in timings["latency"]
    }
    processor = timings["processor"]
    footprints = {name: Footprint.from_fields(fields) for name, fields in timings.get("footprints", {}).items()}
    kernels = {name: ChosenKernels.from_fields(fields) for name, fields in timings.get("kernels", {}).items()}
    machine = Processor(processor["name"], tuple(processor["extensions"]), processor["logical_cores"])
    return Measurements(
        classes=tuple(content["classes"]),
        test_samples=content["test_samples"],
        models=tuple(measured.from_plain(fields) for fields in content["models"]),
        conditions=Conditions.model_validate(timings["conditions"]),
        timings=Timings(machine, timings["onnxruntime"], latency, timings["peak_memory"], footprints, kernels),
        decisions=decision.read(folder),
        flips=flipped.read(folder),
        targets=tuple(Agreement(**fields) for fields in content.get("targets", [])),
    )
