"""`compression profile`: where the time of an asset's stage goes. Nothing is recorded, and no result is kept."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.errors import CompressionError
from compression_ops.progress import ProgressCallback
from pipelines.execution import device, inputs
from pipelines.execution.plan import plan
from pipelines.execution.stage import compute
from pipelines.graph.asset import Asset
from pipelines.kinds import kind
from pipelines.pipeline import Pipeline
from pipelines.recipe.error import nearest
from pipelines.state import scratch
from pipelines.state.actions.action import Action
from pipelines.state.materialization import Materialization

if TYPE_CHECKING:
    from compression_ops.profiling.profile import Profile

_ENDING = ".pt.trace.json"  # by which TensorBoard's plugin knows a trace


def profile(pipeline: Pipeline, name: str, steps: int, output: Path | None) -> "tuple[Profile, Path | None]":
    """A few steps of the asset's stage on the inputs that it has now, in a scratch folder; and the trace, if asked for.

    output  a file for the trace, or a folder that gets one

    Raises CompressionError for an asset that is not there or computes with no operators, and for inputs that were not
    computed yet or are lost.
    """
    asset = _asset(pipeline, name)
    profiled = kind.named(asset.kind).profiled
    if profiled is None:
        others = [each.name for each in pipeline.graph.assets.values() if kind.named(each.kind).profiled]
        raise CompressionError(
            f"{name} neither trains nor runs a network that could be profiled\n  allowed: {', '.join(others)}"
        )
    trace = None if output is None else _trace(output, asset)
    device.check()
    action = plan(asset, inputs.load(pipeline, asset, lambda _: None, lambda lost: _require(pipeline, lost)))
    where = device.chosen()
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # what torch's profiler says of itself

    from compression_ops.profiling import profile as profiler

    found = None
    if profiled == "sessions":
        found = profiler.of_sessions(lambda progress: _run(pipeline, action, progress, where), trace)
        if found is None:
            raise CompressionError(
                f"{name} runs in torch on {where}, without any session of onnxruntime\n"
                "  profile it with COMPRESSION_DEVICE=cpu, or profile the training of its network"
            )
    else:
        action = _lengthened(action, steps + profiler.WARM_UP)
        found = profiler.of_training(lambda progress: _run(pipeline, action, progress, where), steps, where, trace)
    return found, trace


def _lengthened(action: Action, steps: int) -> Action:
    """A short training with an epoch a step, so that it has as many as are asked for; one that takes none stays."""
    epochs = action.parameters.model_dump()["epochs"]
    if epochs == 0:
        raise CompressionError(
            f"{action.asset.name} is taken as it is, with epochs: 0: no step trains it\n"
            "  profile soft_labels, where it labels, or a student"
        )
    return replace(action, parameters=action.parameters.changed(epochs=max(epochs, steps)))


def _run(pipeline: Pipeline, action: Action, progress: ProgressCallback, where: str) -> None:
    with scratch.folder(pipeline.home.running) as folder:
        compute(action, folder, progress, where)


def _asset(pipeline: Pipeline, name: str) -> Asset:
    assets = pipeline.graph.assets
    if name in assets:
        missing = [known for known in assets[name].inputs if known in assets and pipeline.latest(known) is None]
        if missing and kind.named(assets[name].kind).profiled:
            select = " ".join(f"--select {known}" for known in missing)
            raise CompressionError(
                f"{name} is made from {', '.join(missing)}, which {'was' if len(missing) == 1 else 'were'} never "
                f"computed\n  run `compression run {pipeline.recipe} {select}` first"
            )
        return assets[name]
    close = nearest(name, list(assets))
    raise CompressionError(
        f"recipe {pipeline.recipe!r} has no asset {name!r}\n  allowed: {', '.join(assets)}"
        + (f"\n  did you mean `{close}`?" if close else "")
    )


def _require(pipeline: Pipeline, lost: str) -> Materialization:
    raise CompressionError(
        f"the artifact of {lost} is lost or damaged\n  run `compression run {pipeline.recipe} --select {lost}` first"
    )


def _trace(output: Path, asset: Asset) -> Path:
    if output.is_dir():
        return output / f"{asset.node}{_ENDING}"
    if not output.parent.is_dir():
        raise CompressionError(f"{output.parent} is no folder\n  make it first, or name another place with --output")
    return output
