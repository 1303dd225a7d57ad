"""How much of this machine a stage takes while it runs.

By itself it takes all of it. Where other processes compute other assets of the same run, a training takes the cores
that its network keeps busy, or an accelerator and one core, and what else is heavy takes all: a benchmark never
measures beside a training, and no result has other bits than it would have alone.
"""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager

from pipelines.execution.log import Log
from pipelines.execution.side_by_side import training
from pipelines.pipeline import Pipeline
from pipelines.state import cores
from pipelines.state.actions.action import Action

_ON_THIS_PROCESSOR = "cpu"


@contextmanager
def taken(pipeline: Pipeline, action: Action, device: str, is_alone: bool, log: Log) -> Generator[None]:
    """Hold what the stage of an action takes, as soon as it is free; a light one takes nothing."""
    if not action.asset.is_heavy:
        yield
        return
    wanted, accelerator = (cores.count(), "") if is_alone else _wanted(pipeline, action, device)
    words = f"{action.asset.name}: waits for {'the machine' if wanted > 1 else 'a core'}, which other stages have taken"
    with cores.taken(pipeline.home, wanted, accelerator, lambda: log(words)):
        yield


def _wanted(pipeline: Pipeline, action: Action, device: str) -> tuple[int, str]:
    """How many cores, and which accelerator, by what tells it from the others of this machine."""
    if training.of(pipeline, action.asset) is None:
        return cores.count(), ""
    if device != _ON_THIS_PROCESSOR:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        return 1, re.sub(r"\W", "-", f"{visible}-{device}")
    asked = training.effort(pipeline, action)
    return (cores.count() if asked is None else asked.threads), ""
