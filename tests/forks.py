"""Real commands without the seconds that their imports take: a process that has imported everything forks one for each.

    python -m tests.forks

It reads a line of JSON for each: `["start", {arguments, environment, outputs, folder}]`, where outputs are the files of
both streams, is answered by a process's id, and `["wait", id]` by its exit code, -9 for one that was killed.
"""

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

from tests.conftest import REPOSITORY

_ALSO = (
    "mlflow.onnx",
    "mlflow.tracking",
    "mlflow.tracing.processor",
    "mlflow.store.tracking.sqlalchemy_store",
    "git",
    "onnxruntime",
    "matplotlib.pyplot",
    "sklearn.datasets",
    "structlog.stdlib",
)

_NOT_IMPORTED = ("pipelines.defs", "pipelines.definitions")  # these read recipes


class Ended(NamedTuple):
    """How a command ended, and what it printed on both streams."""

    code: int
    words: str


class Command:
    """A command that runs."""

    def __init__(self, forks: "Forks", process: int, output: Path) -> None:
        self.process = process
        self._forks = forks
        self._output = output

    def kill(self) -> None:
        """Its whole session, as a machine that loses power would."""
        os.killpg(self.process, signal.SIGKILL)

    def seconds(self) -> float | None:
        """What it has taken of the processor; None once it has ended."""
        state, *fields = Path(f"/proc/{self.process}/stat").read_text().rsplit(")", 1)[1].split()
        return None if state == "Z" else (int(fields[10]) + int(fields[11])) / os.sysconf("SC_CLK_TCK")

    def wait(self) -> Ended:
        """Its end."""
        return Ended(int(self._forks.ask(["wait", self.process])), self._output.read_text(errors="replace"))


class Forks:
    """Starts commands. To be used in a `with`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        # Consoles that are made by an import take the width that stands here; each command is told its own.
        given = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        told = {"PYTHONWARNINGS": "ignore", "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        self._environment = given | told
        self._server = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=REPOSITORY,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._server:
            self._server.communicate()

    def start(self, *arguments: str, environment: Mapping[str, str]) -> Command:
        """`compression ARGUMENTS` in a process and a session of its own."""
        self._count += 1
        output = self._folder / f"{self._count}.txt"
        return Command(self, self._started(arguments, {**self._environment, **environment}, output, output), output)

    def run(self, *arguments: str, environment: Mapping[str, str]) -> Ended:
        """`compression ARGUMENTS` to its end."""
        return self.start(*arguments, environment=environment).wait()

    def completed(
        self, *arguments: str, environment: Mapping[str, str], at: Path = REPOSITORY
    ) -> subprocess.CompletedProcess[str]:
        """`compression ARGUMENTS` in a folder, to its end, in that environment and no other, each stream by itself."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            outputs = Path(folder, "stdout"), Path(folder, "stderr")
            process = self._started(arguments, environment, *outputs, at=at)
            code = int(self.ask(["wait", process]))
            return subprocess.CompletedProcess(arguments, code, *(output.read_text("utf-8") for output in outputs))

    def _started(
        self, arguments: Sequence[str], environment: Mapping[str, str], *outputs: Path, at: Path = REPOSITORY
    ) -> int:
        files = list(map(str, outputs))
        told = {"arguments": arguments, "environment": dict(environment), "outputs": files, "folder": str(at)}
        return int(self.ask(["start", told]))

    def ask(self, question: list[Any]) -> str:
        """What the process that forks answers."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        return self._server.stdout.readline()


def _import_everything() -> None:
    for package in ("compression_ops", "pipelines"):
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if not found.name.startswith(_NOT_IMPORTED):
                importlib.import_module(found.name)
    for name in _ALSO:
        importlib.import_module(name)
    _export_once()


def _export_once() -> None:
    """The exporter imports two thousand modules when it is first called. What it exports here is none of a recipe's."""
    from torch import nn
    from tqdm import tqdm

    from compression_ops.onnx_model import export

    tqdm.monitor_interval = 0  # no thread, which a fork would not have
    export.export(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval(), (1, 2, 2))


def _fork(arguments: list[str], environment: dict[str, str], outputs: list[str], folder: str) -> int:
    child = os.fork()
    if child == 0:
        _become(arguments, environment, outputs, folder)
    return child


def _become(arguments: list[str], environment: dict[str, str], outputs: list[str], folder: str) -> NoReturn:
    from pipelines.cli import main

    os.setsid()
    os.chdir(folder)
    written = {output: os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for output in dict.fromkeys(outputs)}
    for target, source in enumerate((os.open(os.devnull, os.O_RDONLY), *map(written.__getitem__, outputs))):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["compression", *arguments]
    main.script()


def _serve() -> None:
    _import_everything()
    for line in sys.stdin:
        what, told = json.loads(line)
        found = _fork(**told) if what == "start" else os.waitstatus_to_exitcode(os.waitpid(told, 0)[1])
        print(found, flush=True)


if __name__ == "__main__":
    _serve()
