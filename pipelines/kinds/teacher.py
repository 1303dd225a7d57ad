"""The teacher: the large model, trained on the labels. Of an ensemble, each of the networks that are averaged."""

from collections.abc import Iterator
from typing import Any

from compression_ops.stages.teacher import Teacher
from pipelines.graph.asset import TEACHER_WEIGHTS, Asset
from pipelines.kinds.gate import Gate, validation_floor
from pipelines.kinds.kind import Kind, augmentation_code, network_code, of_training, seeds, thresholds
from pipelines.recipe.sections import Recipe

# Between the seeds of two members of an ensemble: a schedule that asks for new seeds adds 1 each time (see
# `observed.generation`), so that no member ever comes to the seed that another one had.
_APART = 1_000_003
_SEEDS = 2**63  # seeds are whole numbers below this


def assets(recipe: Recipe) -> Iterator[Asset]:
    """The one teacher, or an ensemble's members: the first is the teacher that the recipe would have without one."""
    if not recipe.teacher_members:
        yield _network(recipe, "teacher", 0, thresholds(recipe, "gates.min_teacher_accuracy"))
    for index, name in enumerate(recipe.teacher_members):
        yield _network(recipe, name, index, {})


def _network(recipe: Recipe, name: str, index: int, gates: dict[str, Any]) -> Asset:
    seed = (recipe.teacher.seed + index * _APART) % _SEEDS
    return Asset(
        name=name,
        kind="teacher",
        parameters=recipe.teacher.part(Teacher, metric=recipe.metric, seed=seed),
        inputs=("dataset", *((TEACHER_WEIGHTS,) if recipe.teacher.weights else ()), *seeds(recipe)),
        origins={"": "teacher", "metric": "metric"},
        code=(*network_code(recipe.teacher.architecture), *augmentation_code(recipe.teacher.augmentation)),
        gates=gates,
        is_heavy=True,
    )


def gates(asset: Asset) -> Iterator[Gate]:
    """A floor, below which no student is trained; of an ensemble, the members together are judged."""
    if asset.gates:
        floor = validation_floor("gates.min_teacher_accuracy")
        yield Gate("accuracy_floor", "The teacher is good enough to be learned from.", floor, blocking=True)


KIND = Kind(
    description="The large model, trained on the labels; its best epoch by the recipe's metric.",
    badges=("pytorch", "teacher"),
    assets=assets,
    gates=gates,
    is_model=True,
    searchable=of_training,
    profiled="training",
    on_device=True,
)
