"""What a stage is given and what it returns; the modules of `compression_ops.stages` implement it.

A stage is a function

    run(parameters, inputs, output, progress) -> StageResult

`parameters` are the recipe's values for this stage as JSON types; `inputs` maps an asset's name in the recipe
(`dataset`, `student/small`, ...) to the folder of its artifact, which is read-only; `output` is an empty folder.
A stage is a pure function of these: same parameters, same input bytes, same output bytes on the same machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Progress:
    """How far a stage has come: `done` of `total` units, and the numbers known at this point.

    `metrics` is non-empty where a unit ended (an epoch, a view, a model); it is what a log line shows.
    """

    description: str
    done: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)


ProgressCallback = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A progress callback that shows nothing."""


@dataclass(frozen=True)
class StageResult:
    """What a stage tells beside the files that it wrote.

    metrics   headline numbers, first the one that matters most
    history   one mapping of metrics an epoch (or view), in order
    warnings  sentences that a user should read
    volatile  names of files in the output folder that differ between identical runs (latencies); they stay
              out of the artifact's content digest
    """

    metrics: Mapping[str, float]
    history: tuple[Mapping[str, float], ...] = ()
    warnings: tuple[str, ...] = ()
    volatile: frozenset[str] = frozenset()


StageFunction = Callable[[Mapping[str, Any], Mapping[str, Path], Path, ProgressCallback], StageResult]
