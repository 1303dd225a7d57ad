"""The controls: the same students on the same views without the teacher."""

from collections.abc import Iterator

from compression_ops.data.views import Views
from compression_ops.stages.control import Control
from pipelines.graph.asset import Asset
from pipelines.kinds.kind import Kind, augmentation_code, from_seed, network_code, of_training, repeats, seeds
from pipelines.recipe.sections import Recipe


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One for each student that asks for it, and each of its seeds."""
    for name, student in recipe.students.items():
        parameters = student.part(Control, views=recipe.soft_labels.part(Views), metric=recipe.metric)
        for asset, further in repeats(f"control/{name}", student.seeds if student.control else 0):
            yield Asset(
                name=asset,
                kind="control",
                parameters=from_seed(parameters, further),
                inputs=("dataset", *seeds(recipe)),
                origins={"": f"students.{name}", "views": "soft_labels", "metric": "metric"},
                code=(*network_code(student.architecture), *augmentation_code(recipe.soft_labels.augmentation)),
                is_heavy=True,
                is_repeated=bool(further),
            )


KIND = Kind(
    description="The same student on the same views without the teacher: what distillation gains is the difference.",
    badges=("pytorch", "control"),
    assets=assets,
    is_model=True,
    searchable=of_training,
    profiled="training",
    on_device=True,
)
