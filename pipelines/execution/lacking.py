"""Before anything is computed: whether this machine has what the targets of a recipe are made with."""

from collections.abc import Collection

from compression_ops import target
from compression_ops.errors import CompressionError
from compression_ops.spec import Spec
from pipelines.graph.asset import Asset
from pipelines.pipeline import Pipeline

_MODEL = "model.onnx"  # of a quantized student
_CURE = "nothing was computed; without the target the rest of the recipe can be"


def check(pipeline: Pipeline, names: Collection[str]) -> None:
    """Raises CompressionError that names each target among these assets which lacks a package or a program here, or
    which these would not help.
    """
    told: list[str] = []
    for name in names:
        spec = getattr(pipeline.graph.assets[name].parameters, "target", None)
        words = target.missing(spec) if isinstance(spec, Spec) else None
        if isinstance(spec, Spec) and words is not None:
            words = _refusal(pipeline, pipeline.graph.assets[name], spec, names) or words
        told += [f"{name}: {words}"] if words is not None else []
    if told:
        raise CompressionError("\n".join(told) + f"\n  {_CURE}")


def _refusal(pipeline: Pipeline, asset: Asset, spec: Spec, names: Collection[str]) -> str | None:
    """What no program that is installed would mend, of a model that is there already."""
    entries = [pipeline.latest(name) for name in asset.inputs if name not in names]
    folders = [pipeline.store.find(entry.artifact) for entry in entries if entry is not None]
    told = [target.refusal(spec, folder / _MODEL) for folder in folders if folder is not None]
    return next(filter(None, told), None)
