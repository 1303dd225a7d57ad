"""Runs the stage of an action, and nothing else: no store, no lineage."""

import importlib
from collections.abc import Callable
from pathlib import Path

from compression_ops.errors import CompressionError, DataError, told
from compression_ops.progress import Progress
from compression_ops.stages.stage import Context, StageFunction, StageResult
from pipelines.execution import unattended
from pipelines.kinds import kind
from pipelines.pipeline import Pipeline
from pipelines.state.actions.action import Action


def compute(action: Action, output: Path, report: Callable[[Progress], None], device: str) -> StageResult:
    """Run an action's stage into an empty folder, on a device if it trains or labels.

    Raises CompressionError where somebody's code in it would end the process.
    """
    stage: StageFunction = importlib.import_module(action.asset.stage).run
    try:
        with unattended.code():
            return stage(action.parameters, action.inputs.folders, Context(output, report, device))
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise CompressionError(f"the code that {action.asset.name} runs failed: {told(error)}") from error


def check_nothing_changed(pipeline: Pipeline, action: Action) -> None:
    """What was edited while the stage ran may or may not have entered its result: such a result is not kept.

    Raises CompressionError that says what was edited.
    """
    asset, inputs = action.asset, action.inputs
    if asset.read_code() != asset.code_digests:
        raise CompressionError(f"the code of {asset.name} was edited while it ran; run again")
    for name, folder in inputs.folders.items():
        files = kind.files(name)
        if files is not None and files.digest(pipeline.file, pipeline.home, folder) != inputs.sources[name].digest:
            raise DataError(f"the files under {folder} changed while they were read; run again")
