"""The soft labels: a teacher's logits on every view of the training split."""

from collections.abc import Iterator

from pipelines.graph.asset import Asset
from pipelines.kinds.kind import Kind, augmentation_code, teacher_code
from pipelines.recipe.sections import Recipe


def assets(recipe: Recipe) -> Iterator[Asset]:
    """Those of the recipe's teacher, and of each student that teaches another: all of the same views."""
    for teacher in recipe.teachers:
        yield Asset(
            name=recipe.soft_labels_of(teacher),
            kind="soft_labels",
            parameters=recipe.soft_labels,
            inputs=("dataset", recipe.model_of(teacher)),
            origins={"": "soft_labels"},
            code=(*teacher_code(recipe, teacher), *augmentation_code(recipe.soft_labels.augmentation)),
            is_heavy=True,
        )


KIND = Kind(
    description="The teacher's fp16 logits on every augmented view of the training split, by sample id.",
    badges=("pytorch",),
    assets=assets,
    profiled="sessions",
    on_device=True,
)
