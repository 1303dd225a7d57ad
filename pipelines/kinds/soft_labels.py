"""The soft labels: the teacher's logits on every view of the training split."""

from collections.abc import Iterator

from pipelines.graph.asset import Asset
from pipelines.kinds.kind import Kind, augmentation_code, network_code
from pipelines.recipe.sections import Recipe


def assets(recipe: Recipe) -> Iterator[Asset]:
    """Those of the one teacher."""
    yield Asset(
        name="soft_labels",
        kind="soft_labels",
        parameters=recipe.soft_labels,
        inputs=("dataset", "teacher"),
        origins={"": "soft_labels"},
        code=(*network_code(recipe.teacher.architecture), *augmentation_code(recipe.soft_labels.augmentation)),
        is_heavy=True,
    )


KIND = Kind(
    description="The teacher's fp16 logits on every augmented view of the training split, by sample id.",
    badges=("pytorch",),
    assets=assets,
)
