"""The teacher: the large model, trained on the labels."""

from collections.abc import Iterator

from compression_ops.metric import WORDS, Metric
from compression_ops.stages.teacher import Teacher
from pipelines.graph.asset import TEACHER_WEIGHTS, Asset
from pipelines.kinds.gate import Evidence, Gate
from pipelines.kinds.kind import Kind, augmentation_code, network_code, of_training, seeds, thresholds
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Check


def assets(recipe: Recipe) -> Iterator[Asset]:
    """The one teacher."""
    yield Asset(
        name="teacher",
        kind="teacher",
        parameters=recipe.teacher.part(Teacher, metric=recipe.metric),
        inputs=("dataset", *((TEACHER_WEIGHTS,) if recipe.teacher.weights else ()), *seeds(recipe)),
        origins={"": "teacher", "metric": "metric"},
        code=(*network_code(recipe.teacher.architecture), *augmentation_code(recipe.teacher.augmentation)),
        gates=thresholds(recipe, "gates.min_teacher_accuracy"),
        is_heavy=True,
    )


def gates(asset: Asset) -> Iterator[Gate]:
    """A floor, below which no student is trained."""
    yield Gate("accuracy_floor", "The teacher is good enough to be learned from.", accuracy_floor, blocking=True)


def accuracy_floor(gate: Gate, evidence: Evidence) -> Check:
    """The validation accuracy of the epoch that was kept, or what the recipe's metric is."""
    metric: Metric = evidence.asset.values["metric"]
    found = evidence.metrics[f"validation_{metric}"]
    return gate.at_least(evidence, "gates.min_teacher_accuracy", f"The validation {WORDS[metric]} is {{}}", found)


KIND = Kind(
    description="The large model, trained on the labels; its best epoch by the recipe's metric.",
    badges=("pytorch", "teacher"),
    assets=assets,
    gates=gates,
    is_model=True,
    searchable=of_training,
)
