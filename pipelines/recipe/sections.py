"""A recipe: every parameter of one pipeline, typed and bounded. Reading one imports neither torch nor Dagster.

Its sections are the parameter sets of the stages, with what only the graph needs beside them.
"""

from typing import Literal

from pydantic import Field

from compression_ops import target as targets
from compression_ops.choices import one_of
from compression_ops.data.spec import SOURCE
from compression_ops.evaluation.conditions import Conditions
from compression_ops.metric import Metric
from compression_ops.report.limits import Limits
from compression_ops.spec import Spec
from compression_ops.stages import quantized_student
from compression_ops.stages.soft_labels import SoftLabels
from compression_ops.stages.student import StudentTraining
from compression_ops.stages.teacher import TeacherTraining
from pipelines.recipe.constraints import Cron, Name, Owner, Timezone
from pipelines.recipe.searched.section import Search

PUBLISHERS = ("torchvision", "timm")
_TARGET = targets.any_target()


class Teacher(TeacherTraining):
    """The large model that the students learn from."""

    weights: str | None = Field(
        default=None,
        min_length=1,
        description="Trained weights to begin with: a .safetensors, .pt, .pth or .onnx file; or `torchvision` or "
        "`timm`, for those that the library publishes.",
    )

    ensemble: int | None = Field(
        default=None, ge=2, le=64, description="So many networks of it are trained, and their logits averaged."
    )

    @property
    def is_published(self) -> bool:
        """Whether its weights are a library's, and no file of the user's."""
        return self.weights in PUBLISHERS


class Student(StudentTraining):
    """A small model that learns from the soft labels."""

    teacher: Name | None = Field(
        default=None, description="Which of `students` teaches it; by default the recipe's teacher."
    )
    control: bool = Field(default=False, description="Also train it on labels alone, to see what distillation gains.")
    seeds: int = Field(
        default=1, ge=1, le=100, description="Train it from so many seeds, `seed` the first, to tell gains from chance."
    )


class QuantizedStudent(quantized_student.Quantization):
    """A student, or its control, as an integer model for onnxruntime."""

    student: Name | None = Field(default=None, description="Which of `students` to quantize: short for `of`.")
    of: str | None = Field(
        default=None, description="Which model to quantize: `student/<name>` or `control/<name>`, where it has one."
    )
    targets: list[_TARGET] = Field(  # type: ignore[valid-type]
        default=[], description="Other forms that it is also written in: their words, or maps with their options."
    )

    @property
    def source(self) -> str:
        """The name of the asset that it is made of."""
        return self.of or f"student/{self.student}"

    @property
    def student_name(self) -> str:
        """Under which name of `students` its network stands."""
        return self.source.partition("/")[2]


class Benchmark(Conditions, Limits):
    """How the models are measured and what a quantized student must keep."""


class Gates(Spec):
    """What each result must satisfy; each is a check of its asset. A threshold is no parameter of a computation: a
    changed one computes nothing, it only judges again.

    The accuracy floors stop what comes after; the others warn, or keep a quantized student from being promoted. Where
    the recipe's `metric` is another than accuracy, it is what those of accuracy ask of.
    """

    min_class_balance: float = Field(
        default=0.1, ge=0, le=1, description="Least ratio of the smallest class to the largest, in the training split."
    )
    max_duplicates: float = Field(
        default=0.01, ge=0, le=1, description="Largest share of the test split that also stands in another split."
    )
    max_drift: float = Field(
        default=0.25,
        ge=0,
        description="Largest population stability index of classes or samples against the last data.",
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
    interval_seconds: int = Field(
        default=30, ge=5, le=3600, description="Between two looks at what is out of date (mode `on`)."
    )


class Schedule(Spec):
    """When the raw data are looked at and, if they changed, everything that they affect is computed again."""

    cron: Cron = Field(description="Minute, hour, day of month, month, day of week.")
    timezone: Timezone = Field(default="UTC", description="An IANA name, such as Europe/Berlin.")
    reseed: bool = Field(default=False, description="Train anew at every tick, with the next seeds.")
    enabled: bool = Field(default=True, description="`false`: off until it is switched on in Dagster's UI.")


class Freshness(Spec):
    """How old the report and the champion may grow before Dagster says so."""

    warn_days: float = Field(default=14.0, gt=0, le=3650, description="Age in days at which Dagster warns.")
    fail_days: float = Field(default=30.0, gt=0, le=3650, description="Age in days at which Dagster calls it overdue.")


class Recipe(Spec):
    """One pipeline: dataset, teacher, soft labels, students, quantized students, their benchmark and the champion."""

    metric: Metric = Field(
        default="accuracy", description="What chooses the epoch that is kept, and judges gates, report and champion."
    )
    dataset: one_of("data.sources", "source", SOURCE)  # type: ignore[valid-type]
    teacher: Teacher
    soft_labels: SoftLabels = SoftLabels()
    students: dict[Name, Student] = Field(min_length=1, description="Students by name.")
    quantized_students: dict[Name, QuantizedStudent] = Field(default={}, description="Quantized students by name.")
    benchmark: Benchmark = Benchmark()
    gates: Gates = Gates()
    automation: Automation = Automation()
    schedule: Schedule | None = Field(default=None, description="None by default.")
    freshness: Freshness = Freshness()
    search: Search | None = Field(default=None, description="None by default.")
    owners: list[Owner] = Field(default=[], description="Who answers for it: e-mail addresses or `team:<name>`.")

    @property
    def teacher_members(self) -> tuple[str, ...]:
        """The assets that the teacher is averaged from; () for a teacher that is one network."""
        return tuple(f"teacher_member/{index}" for index in range(self.teacher.ensemble or 0))

    @property
    def teachers(self) -> tuple[str | None, ...]:
        """Who teaches: the recipe's teacher as None, then the names of students that teach others."""
        named = (student.teacher for student in self.students.values())
        return (None, *dict.fromkeys(name for name in named if name is not None))

    @staticmethod
    def model_of(student: str | None) -> str:
        """The asset of a teacher, which is a student by its name, or None."""
        return "teacher" if student is None else f"student/{student}"

    @staticmethod
    def soft_labels_of(student: str | None) -> str:
        """The asset of its soft labels."""
        return "soft_labels" if student is None else f"soft_labels/{student}"

    @staticmethod
    def target_of(quantized_student: str, target: Spec) -> str:
        """The asset of a quantized student's target: `target/int8/onnx`."""
        return f"target/{quantized_student}/{targets.word(target)}"
