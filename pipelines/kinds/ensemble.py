"""A teacher that is several networks: the mean of their logits."""

from collections.abc import Iterator

from compression_ops.stages.ensemble import Ensemble
from pipelines.graph.asset import Asset
from pipelines.kinds.gate import Gate, validation_floor
from pipelines.kinds.kind import Kind, teacher_code, thresholds
from pipelines.recipe.sections import Recipe


def assets(recipe: Recipe) -> Iterator[Asset]:
    """The teacher of a recipe that asks for one of several members, which are assets of their own."""
    if recipe.teacher.ensemble is not None:
        yield Asset(
            name="teacher",
            kind="ensemble",
            parameters=Ensemble(metric=recipe.metric),
            inputs=("dataset", *recipe.teacher_members),
            origins={"": "teacher", "metric": "metric"},
            code=teacher_code(recipe, None),
            gates=thresholds(recipe, "gates.min_teacher_accuracy"),
            is_heavy=True,
        )


def gates(asset: Asset) -> Iterator[Gate]:
    """A floor, below which no student is trained."""
    floor = validation_floor("gates.min_teacher_accuracy")
    yield Gate("accuracy_floor", "The teacher is good enough to be learned from.", floor, blocking=True)


KIND = Kind(
    description="The teacher: the mean of its members' logits, as one network.",
    badges=("pytorch", "teacher"),
    assets=assets,
    gates=gates,
    is_model=True,
)
