"""A recipe: every parameter of one pipeline, typed and bounded. Reading one imports neither torch nor Dagster."""

import re
import zoneinfo
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from compression_ops import implementations
from compression_ops.data.augmentation import Augmentation
from compression_ops.quantization.precision import ACTIVATION_BITS, WEIGHT_BITS
from compression_ops.spec import Spec
from compression_ops.training.hyperparameters import Training

NAME_PATTERN = "[A-Za-z0-9_]{1,60}"
Name = Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$")]
Architecture = Annotated[
    str,
    StringConstraints(min_length=1),
    Field(description="A network of the zoo by name, or a factory of your own as `package.module:factory`."),
]


# Addresses as Dagster takes them, which refuses to load an asset of any other owner.
_OWNERS = r"team:[A-Za-z0-9_-]+|[A-Za-z0-9_][A-Za-z0-9._%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}"


def _cron(value: str) -> str:
    from cronsim import CronSim, CronSimError

    try:
        CronSim(value, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(f"not a cron expression: {error}") from error
    if len(value.split()) != 5:
        raise ValueError("not a cron expression of five fields")
    if re.search(r"\dL|LW", value.upper()):
        raise ValueError("not a cron expression of Dagster's, which knows no last weekday")
    return value


def _timezone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise ValueError("not a time zone")
    return value


def _owner(value: str) -> str:
    if not re.fullmatch(_OWNERS, value):
        raise ValueError("not an owner")
    return value


Cron = Annotated[
    str,
    AfterValidator(_cron),
    WithJsonSchema({"type": "string", "allowed": "five cron fields, as `0 3 * * 1` (Mondays at 3:00)"}),
]
Timezone = Annotated[
    str,
    AfterValidator(_timezone),
    WithJsonSchema({"type": "string", "allowed": "an IANA time zone, as `UTC` or `Europe/Berlin`"}),
]
Owner = Annotated[
    str,
    AfterValidator(_owner),
    WithJsonSchema({"type": "string", "allowed": "an e-mail address or `team:<name>`"}),
]


def _one_of(package: str, tag: str) -> Any:
    """The discriminated union of all parameter sets in a package of implementations."""
    return Annotated[Union[implementations.specs(package)], Field(discriminator=tag)]  # noqa: UP007


class Teacher(Training):
    """The large model that the students learn from."""

    architecture: Architecture
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="Share of the target spread over all classes.")
    augmentation: Augmentation | None = Field(default=None, description="Of the training images; none by default.")


class SoftLabels(Spec):
    """The teacher's logits on so many augmented views of the training split."""

    views: int = Field(default=1, ge=1, le=10_000, description="Augmented copies of the training split.")
    augmentation: Augmentation | None = Field(default=None, description="Of the views; none by default.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Of the views' random transformations.")


class Student(Training):
    """A small model that learns from the soft labels."""

    architecture: Architecture
    loss: _one_of("distillation.losses", "type")  # type: ignore[valid-type]
    control: bool = Field(default=False, description="Also train it on labels alone, to see what distillation gains.")


class QuantizedStudent(Spec):
    """A student as an integer model for onnxruntime."""

    student: Name = Field(description="Which of `students` to quantize.")
    weight_bits: Literal[WEIGHT_BITS] = Field(default=8, description="Bits that onnxruntime runs.")  # type: ignore[valid-type]
    activation_bits: Literal[ACTIVATION_BITS] = Field(default=8)  # type: ignore[valid-type]
    per_channel: bool = Field(default=True, description="One weight scale an output channel instead of one a tensor.")
    reduce_range: bool = Field(
        default=True, description="7 of 8 weight bits, so that sums are exact on CPUs without VNNI too."
    )
    calibration: _one_of("quantization.calibration", "method")  # type: ignore[valid-type]


class Benchmark(Spec):
    """How the models are measured and what a quantized student must keep."""

    batch_sizes: Annotated[list[Annotated[int, Field(ge=1, le=65_536)]], Field(min_length=1)] = Field(
        default=[1, 32], description="Batch sizes whose latency is measured."
    )
    threads: int = Field(default=1, ge=1, le=1024, description="onnxruntime's intra-op threads.")
    iterations: int = Field(default=1000, ge=10, le=1_000_000, description="Timed calls a model and batch size.")
    warmup: int = Field(default=50, ge=0, le=100_000, description="Calls before the timed ones.")
    max_accuracy_drop: float = Field(
        default=0.5, ge=0, le=100, description="Most that quantization may cost, in points of test accuracy."
    )
    min_compression: float = Field(
        default=4.0, ge=1, description="Least ratio of the teacher's file size to the quantized student's."
    )


class Gates(Spec):
    """What each result must satisfy; each is a check of its asset. A threshold is no parameter of a computation: a
    changed one computes nothing, it only judges again.

    The accuracy floors stop what comes after; the others warn, or keep a quantized student from being promoted.
    """

    min_class_balance: float = Field(
        default=0.1, ge=0, le=1, description="Least ratio of the smallest class to the largest, in the training split."
    )
    max_duplicates: float = Field(
        default=0.01, ge=0, le=1, description="Largest share of the test split that also stands in another split."
    )
    max_drift: float = Field(
        default=0.25, ge=0, description="Largest population stability index of classes or pixels against the last data."
    )
    min_teacher_accuracy: float = Field(
        default=0.0, ge=0, le=1, description="Least validation accuracy of the teacher; below it no student is trained."
    )
    min_student_accuracy: float = Field(
        default=0.0, ge=0, le=1, description="Least validation accuracy of a student; below it none is quantized."
    )
    min_distillation_gain: float = Field(
        default=-1.0, ge=-100, le=100, description="Least gain of a student over its control, points of test accuracy."
    )
    max_export_error: float = Field(
        default=0.01, gt=0, description="Largest difference of a logit between the ONNX export and the torch model."
    )
    min_integer_share: float = Field(
        default=0.5, ge=0, le=1, description="Least share of computing nodes that onnxruntime really runs in integers."
    )
    max_latency_us: float | None = Field(
        default=None, gt=0, description="Largest median latency at the first batch size, microseconds; none by default."
    )


class Automation(Spec):
    """Whether the pipeline runs by itself, and when it looks."""

    mode: Literal["on", "off"] = Field(default="on", description="`on`: Dagster's daemon computes what is out of date.")
    observe: Cron = Field(default="0 * * * *", description="When the raw files are looked at (mode `on`).")
    retry: Cron = Field(default="0 3 * * *", description="When what failed is tried again without an edit (mode `on`).")
    timezone: Timezone = Field(default="UTC", description="Of both, an IANA name.")


class Schedule(Spec):
    """When the raw data are looked at and, if they changed, everything that they affect is computed again."""

    cron: Cron = Field(description="Minute, hour, day of month, month, day of week.")
    timezone: Timezone = Field(default="UTC", description="An IANA name, such as Europe/Berlin.")
    reseed: bool = Field(default=False, description="Train anew at every tick, with the next seeds.")


class Freshness(Spec):
    """How old the report and the champion may grow before Dagster says so."""

    warn_days: float = Field(default=14.0, gt=0, le=3650, description="Age in days at which Dagster warns.")
    fail_days: float = Field(default=30.0, gt=0, le=3650, description="Age in days at which Dagster calls it overdue.")


class Recipe(Spec):
    """One pipeline: dataset, teacher, soft labels, students, quantized students, their benchmark and the champion."""

    dataset: _one_of("data.sources", "source")  # type: ignore[valid-type]
    teacher: Teacher
    soft_labels: SoftLabels = SoftLabels()
    students: dict[Name, Student] = Field(min_length=1, description="Students by name.")
    quantized_students: dict[Name, QuantizedStudent] = Field(default={}, description="Quantized students by name.")
    benchmark: Benchmark = Benchmark()
    gates: Gates = Gates()
    automation: Automation = Automation()
    schedule: Schedule | None = Field(default=None, description="None by default.")
    freshness: Freshness = Freshness()
    owners: list[Owner] = Field(default=[], description="Who answers for it: e-mail addresses or `team:<name>`.")
