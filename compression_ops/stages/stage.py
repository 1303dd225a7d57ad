"""What a stage is given and what it returns; each module of `compression_ops.stages` implements one.

A stage is a module with its parameter set, a Spec, and a function

    run(parameters, inputs, context) -> StageResult

`parameters` is that Spec; `inputs` maps an asset's name in the recipe (`dataset`, `student/small`, ...) to the folder
of its artifact, which is read-only. A stage is a pure function of these: same parameters, same input bytes, same output
bytes on the same machine. Since recipes are made of the Specs, a stage imports torch and its like inside functions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.progress import ProgressCallback, silent

if TYPE_CHECKING:
    from compression_ops.training.loop import Trained


@dataclass(frozen=True)
class Context:
    """Where a stage runs.

    output    an empty folder that it writes its files to
    progress  is told how far it has come
    device    where networks are trained and label: `cpu`, `cuda:0`, `mps` (see `compression_ops.device`)
    """

    output: Path
    progress: ProgressCallback = silent
    device: str = "cpu"


@dataclass(frozen=True)
class StageResult:
    """What a stage tells beside the files that it wrote.

    metrics   headline numbers, first the one that matters most
    history   one mapping of metrics an epoch (or view), in order
    warnings  sentences that a user should read
    volatile  names of files in the output folder that differ between identical runs (latencies); they stay
              out of the artifact's content digest
    device    where its numbers were computed; the processor, unless it says otherwise
    threads   how many threads computed there, if the last bits depend on that
    """

    metrics: Mapping[str, float]
    history: tuple[Mapping[str, float], ...] = ()
    warnings: tuple[str, ...] = ()
    volatile: frozenset[str] = frozenset()
    device: str = "cpu"
    threads: int | None = None

    @classmethod
    def of_training(cls, trained: "Trained", warnings: tuple[str, ...] = ()) -> "StageResult":
        """Of a trained network, whose own warnings follow those given; one that was not trained here has no epochs."""
        return cls(
            metrics=trained.metrics,
            history=trained.history if trained.best_epoch else (),
            warnings=(*warnings, *trained.warnings),
            device=trained.device,
            threads=trained.threads,
        )


def of_kind(inputs: Mapping[str, Path], *kinds: str) -> Path | None:
    """The folder of an input of the first of these kinds that has any: `student/medium` is a `student`. Else None."""
    found = [(name.partition("/")[0], folder) for name, folder in inputs.items()]
    return next((folder for kind in kinds for own, folder in found if own == kind), None)


StageFunction = Callable[[Any, Mapping[str, Path], Context], StageResult]
