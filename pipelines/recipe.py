"""A recipe: every parameter of one pipeline, typed and bounded. Reading one imports neither torch nor Dagster."""

from typing import Annotated, Any, Literal, Union

from pydantic import Field, StringConstraints

from compression_ops.augmentation import Augmentation
from compression_ops.hyperparameters import Training
from compression_ops.quantization.precision import ACTIVATION_BITS, WEIGHT_BITS
from compression_ops.spec import Spec
from pipelines import methods

NAME_PATTERN = "[A-Za-z0-9_]{1,60}"
Name = Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$")]
Architecture = Annotated[
    str,
    StringConstraints(min_length=1),
    Field(description="A network of the zoo by name, or a factory of your own as `package.module:factory`."),
]


def _one_of(package: str, tag: str) -> Any:
    """The discriminated union of all parameter sets in a package of implementations."""
    return Annotated[Union[methods.specs(package)], Field(discriminator=tag)]  # noqa: UP007


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
    loss: _one_of("losses", "type")  # type: ignore[valid-type]
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
    calibration: _one_of("calibration", "method")  # type: ignore[valid-type]


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


class Recipe(Spec):
    """One pipeline: dataset, teacher, soft labels, students, quantized students and their benchmark."""

    dataset: _one_of("data_sources", "source")  # type: ignore[valid-type]
    teacher: Teacher
    soft_labels: SoftLabels = SoftLabels()
    students: dict[Name, Student] = Field(min_length=1, description="Students by name.")
    quantized_students: dict[Name, QuantizedStudent] = Field(default={}, description="Quantized students by name.")
    benchmark: Benchmark = Benchmark()
