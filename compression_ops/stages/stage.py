"""What a stage is given and what it returns; the modules of `compression_ops.stages` implement it.

A stage is a function

    run(parameters, inputs, output, progress) -> StageResult

`parameters` are the recipe's values for this stage as JSON types; `inputs` maps an asset's name in the recipe
(`dataset`, `student/small`, ...) to the folder of its artifact, which is read-only; `output` is an empty folder.
A stage is a pure function of these: same parameters, same input bytes, same output bytes on the same machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compression_ops.progress import ProgressCallback


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
