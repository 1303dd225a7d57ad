"""The students: small models, trained on the views with the teacher's soft labels as targets."""

from collections.abc import Iterator

from compression_ops import implementations
from compression_ops.metric import WORDS, Metric
from compression_ops.stages.student import Student
from pipelines.graph.asset import Asset
from pipelines.kinds.gate import Evidence, Gate
from pipelines.kinds.kind import Kind, augmentation_code, from_seed, network_code, repeats, seeds, thresholds
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Check


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One for each of the recipe's `students` and each of its seeds."""
    for name, stated in recipe.students.items():
        online = ("teacher",) if getattr(stated.loss, "needs_teacher", False) else ()
        parameters = stated.part(Student, metric=recipe.metric)
        for asset, further in repeats(f"student/{name}", stated.seeds):
            yield Asset(
                name=asset,
                kind="student",
                parameters=from_seed(parameters, further),
                inputs=("dataset", "soft_labels", *online, *seeds(recipe)),
                origins={"": f"students.{name}", "metric": "metric"},
                code=(
                    *network_code(stated.architecture),
                    implementations.module_name(stated.loss),
                    *augmentation_code(recipe.soft_labels.augmentation),
                    *(network_code(recipe.teacher.architecture) if online else ()),
                ),
                gates=thresholds(recipe, "gates.min_student_accuracy"),
                is_heavy=True,
                is_repeated=bool(further),
            )


def gates(asset: Asset) -> Iterator[Gate]:
    """A floor, below which none is quantized."""
    yield Gate("accuracy_floor", "The student is good enough to be quantized.", accuracy_floor, blocking=True)


def accuracy_floor(gate: Gate, evidence: Evidence) -> Check:
    """The validation accuracy of the epoch that was kept, or what the recipe's metric is."""
    metric: Metric = evidence.asset.values["metric"]
    found = evidence.metrics[f"validation_{metric}"]
    return gate.at_least(evidence, "gates.min_student_accuracy", f"The validation {WORDS[metric]} is {{}}", found)


KIND = Kind(
    description="The small model, trained on the views with the teacher's soft labels as targets.",
    badges=("pytorch", "student"),
    assets=assets,
    gates=gates,
    is_model=True,
)
