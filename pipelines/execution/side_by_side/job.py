"""A stage to be run by another process of this machine, and what that process answers, as lines of JSON."""

import builtins
import importlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compression_ops import errors
from compression_ops.progress import Progress
from compression_ops.spec import Spec
from compression_ops.stages.stage import Context, StageFunction, StageResult
from pipelines.execution import unattended


@dataclass(frozen=True)
class Job:
    """What `execution.stage.compute` is given.

    stage       the stage's module
    parameters  its parameters
    inputs      folders by the names of its inputs
    output      an empty folder
    device      where networks are trained
    """

    stage: str
    parameters: Spec
    inputs: Mapping[str, Path]
    output: Path
    device: str

    def to_line(self) -> str:
        """One line."""
        spec = type(self.parameters)
        return json.dumps(
            {
                "stage": self.stage,
                "spec": [spec.__module__, spec.__qualname__],
                "parameters": self.parameters.model_dump(mode="json"),
                "inputs": {name: str(folder) for name, folder in self.inputs.items()},
                "output": str(self.output),
                "device": self.device,
            }
        )

    @classmethod
    def from_line(cls, line: str) -> "Job":
        """What `to_line` wrote; the parameters are checked again."""
        stated = json.loads(line)
        module, name = stated["spec"]
        spec: type[Spec] = getattr(importlib.import_module(module), name)
        parameters = spec.model_validate_json(json.dumps(stated["parameters"]))
        inputs = {each: Path(folder) for each, folder in stated["inputs"].items()}
        return cls(stated["stage"], parameters, inputs, Path(stated["output"]), stated["device"])


@dataclass(frozen=True)
class Done:
    """A stage's result, and how many seconds it took there."""

    result: StageResult
    seconds: float


@dataclass(frozen=True)
class Failed:
    """What a stage raised, by the name of its class, and its words."""

    kind: str
    words: str

    def error(self) -> Exception:
        """The exception as this process knows it: the product's and Python's own by their class."""
        found = getattr(errors, self.kind, None) or getattr(builtins, self.kind, None)
        if isinstance(found, type) and issubclass(found, Exception):
            return found(self.words)
        return RuntimeError(f"{self.kind}: {self.words}")


Answer = Progress | Done | Failed


def answer_to_line(answer: Answer) -> str:
    """One line."""
    match answer:
        case Progress():
            fields: dict[str, Any] = vars(answer) | {"metrics": dict(answer.metrics)}
        case Done():
            result = answer.result
            plain = vars(result) | {
                "metrics": dict(result.metrics),
                "history": [dict(epoch) for epoch in result.history],
                "volatile": sorted(result.volatile),
            }
            fields = {"result": plain, "seconds": answer.seconds}
        case Failed():
            fields = vars(answer)
    return json.dumps({type(answer).__name__: fields})


def answer_from_line(line: str) -> Answer:
    """What `answer_to_line` wrote."""
    ((kind, fields),) = json.loads(line).items()
    if kind == Progress.__name__:
        return Progress(**fields)
    if kind == Failed.__name__:
        return Failed(**fields)
    result = fields["result"]
    typed: dict[str, Any] = result | {
        "history": tuple(result["history"]),
        "warnings": tuple(result["warnings"]),
        "volatile": frozenset(result["volatile"]),
    }
    return Done(StageResult(**typed), fields["seconds"])


def run(job: Job, tell: Callable[[Answer], None]) -> None:
    """Run a job's stage in this process and tell how it goes; the last that is told is how it ended."""
    started = time.monotonic()
    try:
        stage: StageFunction = importlib.import_module(job.stage).run
        with unattended.code():
            result = stage(job.parameters, job.inputs, Context(job.output, tell, job.device))
        tell(Done(result, time.monotonic() - started))
    except KeyboardInterrupt:
        raise
    except Exception as error:  # noqa: BLE001  it runs somebody's network, which may fail in any way
        tell(Failed(type(error).__name__, str(error)))
    except BaseException as error:  # noqa: BLE001  as one that ends the process, by sys.exit()
        tell(Failed(errors.CompressionError.__name__, f"the code that it runs failed: {errors.told(error)}"))
