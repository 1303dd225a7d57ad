"""What a method of quantization that learns is given, and what it returns.

Such a method is a module of `compression_ops.quantization.methods`, or one of the user's own, whose parameters say
`trains: ClassVar[bool] = True`, and that defines

    learn(spec, model, mapping, lessons) -> Learned

`model` is the student as a float ONNX model and `mapping` what calibration found for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.choices import Contract
from compression_ops.metric import Metric
from compression_ops.progress import ProgressCallback, silent
from compression_ops.spec import Spec

if TYPE_CHECKING:
    import onnx

    from compression_ops.quantization.mapping import QuantizationMapping
    from compression_ops.training.loop import Trained


@dataclass(frozen=True)
class Lessons:
    """What there is to learn from, and where.

    dataset      the artifact of the data set
    soft_labels  that of the teacher's labels; None in a dry run, which learns from the labels of the data set alone
    metric       the validation metric of the epoch that is kept
    """

    dataset: Path
    soft_labels: Path | None = None
    metric: Metric = "accuracy"
    progress: ProgressCallback = silent
    device: str = "cpu"


@dataclass(frozen=True)
class Learned:
    """What was learned.

    model    the float model, with the weights that the integers are rounded from
    mapping  with the scales that belong to them
    trained  the course of the training, whose model is the simulation of the integer model
    """

    model: "onnx.ModelProto"
    mapping: "QuantizationMapping"
    trained: "Trained"


def trains(method: Spec) -> bool:
    """Whether a method learns from soft labels."""
    return bool(getattr(method, "trains", False))


def _functions(spec: type[Spec]) -> Mapping[str, int]:
    """Of one that learns, and of one that chooses (see `compression_ops.quantization.widths`)."""
    functions = {"trains": ("learn", 4), "chooses": ("choose", 2)}
    return dict(function for flag, function in functions.items() if getattr(spec, flag, False))


METHOD = Contract(Spec, _functions)
