"""One model as it was measured: what is the same whenever and wherever that is done, and its form in JSON."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compression_ops.evaluation.family import Role
from compression_ops.evaluation.models.calibration import Calibration
from compression_ops.evaluation.over_seeds import OverSeeds
from compression_ops.evaluation.quality import Change, Quality
from compression_ops.evaluation.statistics import Difference, Estimate, Proportion
from compression_ops.onnx_model.chosen_widths import ChosenWidths
from compression_ops.onnx_model.layers.noise import Noise


@dataclass(frozen=True)
class Cost:
    """parameters     learned values: weights and biases, not the scales and zero points of quantization
    file_bytes     size of the serialized model
    weight_bytes   size of the parameters as they are stored in it
    macs           multiply-accumulates of one sample (see `multiplications`); equal in a float model and in its
                   quantized form
    """

    parameters: int
    file_bytes: int
    weight_bytes: int
    macs: int


@dataclass(frozen=True)
class Measured:
    """One model, without its latency and memory: what is the same whenever and wherever it is measured.

    depth              generations below its teacher
    change             against its parent; None for the teacher
    teacher_agreement  fraction of test samples on which it predicts its teacher's class; None for the teacher
    compression_ratio  its teacher's file bytes / its own
    distillation       of a student that has a control: its change against that control; else None
    over_seeds         of one that was trained from several seeds, what all of them say; else None
    widths             of a quantized one whose bits were chosen layer by layer, how; else None
    noise              of a quantized one, what each layer lost against the float one; else None
    calibration        how far its probabilities can be trusted; None in files of earlier versions
    """

    name: str
    role: Role
    parent: str | None
    teacher: str
    depth: int
    quality: Quality
    change: Change | None
    teacher_agreement: float | None
    cost: Cost
    compression_ratio: float
    distillation: Change | None
    over_seeds: OverSeeds | None = None
    widths: ChosenWidths | None = None
    noise: Noise | None = None
    calibration: Calibration | None = None

    @property
    def kind(self) -> str:
        """The sort of asset that its name stands for: `student/small` is a `student`."""
        return self.name.partition("/")[0]


def plain(model: Measured) -> dict[str, Any]:
    """In a form that JSON takes."""
    quality = asdict(model.quality) | {"confusion": model.quality.confusion.tolist()}
    noise = None if model.noise is None else model.noise.fields()
    return asdict(model) | {"quality": quality, "noise": noise}


def from_plain(fields: dict[str, Any]) -> Measured:
    """What `plain` gave, from JSON; files of earlier versions tell less."""
    quality = fields["quality"]
    typed: dict[str, Any] = {
        **fields,
        "quality": Quality(
            Proportion(**quality["accuracy"]),
            quality["expected_calibration_error"],
            tuple(quality["class_accuracy"]),
            np.array(quality["confusion"], dtype=np.int64),
            {metric: Estimate(**found) for metric, found in quality["class_averaged"].items()},
            quality["roc_auc"],
        ),
        "change": _change(fields["change"]),
        "distillation": _change(fields["distillation"]),
        "cost": Cost(**fields["cost"]),
        "over_seeds": None if fields["over_seeds"] is None else OverSeeds.from_fields(fields["over_seeds"]),
        "widths": None if fields["widths"] is None else ChosenWidths.from_fields(fields["widths"]),
        "noise": None if fields.get("noise") is None else Noise.from_fields(fields["noise"]),
        "calibration": None if fields.get("calibration") is None else Calibration.from_fields(fields["calibration"]),
    }
    return Measured(**typed)


def _change(fields: dict[str, Any] | None) -> Change | None:
    if fields is None:
        return None
    averaged = {metric: Difference(**found) for metric, found in fields["class_averaged"].items()}
    typed: dict[str, Any] = {**fields, "class_points": tuple(fields["class_points"]), "class_averaged": averaged}
    return Change(**typed)
