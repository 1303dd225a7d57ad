"""The students: small models, trained on the views with the teacher's soft labels as targets."""

from collections.abc import Iterator

from compression_ops import implementations
from compression_ops.stages.student import Student
from pipelines.graph.asset import Asset
from pipelines.kinds.gate import Gate, validation_floor
from pipelines.kinds.kind import (
    Kind,
    augmentation_code,
    from_seed,
    network_code,
    of_training,
    repeats,
    seeds,
    teacher_code,
    thresholds,
)
from pipelines.recipe.sections import Recipe


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One for each of the recipe's `students` and each of its seeds."""
    for name, stated in recipe.students.items():
        online = (recipe.model_of(stated.teacher),) if getattr(stated.loss, "needs_teacher", False) else ()
        parameters = stated.part(Student, metric=recipe.metric)
        for asset, further in repeats(f"student/{name}", stated.seeds):
            yield Asset(
                name=asset,
                kind="student",
                parameters=from_seed(parameters, further),
                inputs=("dataset", recipe.soft_labels_of(stated.teacher), *online, *seeds(recipe)),
                origins={"": f"students.{name}", "metric": "metric"},
                code=(
                    *network_code(stated.architecture),
                    implementations.module_name(stated.loss),
                    *augmentation_code(recipe.soft_labels.augmentation),
                    *(teacher_code(recipe, stated.teacher) if online else ()),
                ),
                gates=thresholds(recipe, "gates.min_student_accuracy"),
                is_heavy=True,
                is_repeated=bool(further),
            )


def gates(asset: Asset) -> Iterator[Gate]:
    """A floor, below which none is quantized."""
    floor = validation_floor("gates.min_student_accuracy")
    yield Gate("accuracy_floor", "The student is good enough to be quantized.", floor, blocking=True)


KIND = Kind(
    description="The small model, trained on the views with the teacher's soft labels as targets.",
    badges=("pytorch", "student"),
    assets=assets,
    gates=gates,
    is_model=True,
    searchable=of_training,
    profiled="training",
    on_device=True,
)
