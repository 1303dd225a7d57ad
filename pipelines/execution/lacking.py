"""Before anything is computed: whether this machine has what the targets of a recipe are made with."""

from collections.abc import Collection

from compression_ops import target
from compression_ops.errors import CompressionError
from compression_ops.spec import Spec
from pipelines.pipeline import Pipeline

_CURE = "nothing was computed; without the target the rest of the recipe can be"


def check(pipeline: Pipeline, names: Collection[str]) -> None:
    """Raises CompressionError that names each target among these assets which lacks a package or a program here."""
    told: list[str] = []
    for name in names:
        spec = getattr(pipeline.graph.assets[name].parameters, "target", None)
        words = target.missing(spec) if isinstance(spec, Spec) else None
        told += [f"{name}: {words}"] if words is not None else []
    if told:
        raise CompressionError(
            "\n".join(told) + "\n  nothing was computed; without the target the rest of the recipe can be"
        )
