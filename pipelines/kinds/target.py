"""The targets: quantized students in the form that another runtime takes."""

from collections.abc import Iterator
from pathlib import Path

from compression_ops import implementations, target
from compression_ops.stages.target import Target
from pipelines.graph.asset import Asset
from pipelines.kinds.kind import Kind, Page
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Materialization


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One for each target of each quantized student, of its first seed."""
    for name, quantized in recipe.quantized_students.items():
        for position, spec in enumerate(quantized.targets):
            stated = f"quantized_students.{name}.targets[{position}]"
            yield Asset(
                name=recipe.target_of(name, spec),
                kind="target",
                parameters=Target(target=spec),
                inputs=(f"quantized_student/{name}",),
                origins={"": stated, "target": stated},
                code=(implementations.module_name(spec),),
            )


def page(folder: Path, entry: Materialization) -> Page:
    """What its user needs: its files, and the oldest runtime that takes them."""
    facts = target.read(folder)
    words = {} if facts.oldest_runtime is None else {"oldest runtime": facts.oldest_runtime}
    return Page(words, entry.metrics, [{"file": name, "bytes": size} for name, size in facts.files.items()])


KIND = Kind(
    description="A quantized student in the form that another runtime takes.",
    badges=("onnx", "target"),
    assets=assets,
    page=page,
)
