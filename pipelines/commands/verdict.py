"""What is wrong with the recipes, judged by a process of its own.

A process that runs for long, as `compression ui` does, holds its modules as they were when it began: it would call a
loss unknown that has just been added. `python -m pipelines.commands.verdict` prints the verdict as a line of JSON.
"""

import dataclasses
import json
import subprocess
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.graph.module_source import SourceError, parse


@dataclass(frozen=True)
class Verdict:
    """What holds of the recipes and of the modules that they are made from.

    wrong     recipe -> its mistakes in words
    broken    what is no recipe's mistake, in words: modules that cannot be read or imported
    chosen    files of the modules that recipes chose and that are not the product's
    """

    wrong: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()


def ask() -> Verdict:
    """The verdict of a fresh process."""
    command = [sys.executable, "-m", "pipelines.commands.verdict"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    lines = answer.stdout.splitlines()
    if answer.returncode or not lines:
        return Verdict(broken=(answer.stderr.strip() or "a module ends the process that imports it",))
    found = json.loads(lines[-1])  # before it stands what modules print that are imported
    return Verdict(found["wrong"], tuple(found["broken"]), tuple(found["chosen"]))


def not_python(files: Iterable[Path]) -> tuple[str, ...]:
    """Of each module that is not Python: where, and why."""
    mistakes: list[str] = []
    for file in sorted(set(files)):
        try:
            parse(str(file), file.read_bytes(), is_package=False)
        except SourceError as error:
            mistakes.append(f"{file}:{error}")
        except OSError as error:
            mistakes.append(f"{file}: cannot be read: {error}")
    return tuple(mistakes)


def _words(error: Exception) -> str:
    """Where an error of somebody's module lies, and what it is."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: not Python: {error.msg}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}: {type(error).__name__}: {error}"


def _judge() -> Verdict:
    from compression_ops.errors import CompressionError
    from compression_ops.implementations import find_module
    from pipelines.orchestration import assets, component, failure_sensor, last_good
    from pipelines.pipeline import Pipeline
    from pipelines.recipe import file as recipe_file

    _ = component, failure_sensor, last_good  # which the code location imports too
    wrong: dict[str, str] = {}
    broken: list[str] = []
    modules: set[str] = set()
    for name in recipe_file.recipe_names():
        try:
            pipeline = Pipeline.open(name)
            modules |= {module for asset in pipeline.graph.assets.values() for module in asset.code_digests}
            assets.definitions(pipeline)  # what fails here would take the whole code location from Dagster
        except SourceError as error:  # the mistake of a module that the recipe chose
            broken.append(str(error))
        except CompressionError as error:
            wrong[name] = str(error)
    files = {find_module(name) for name in modules if name.partition(".")[0] != "compression_ops"}
    return Verdict(wrong, tuple(broken), tuple(sorted(str(path) for path in files if path)))


def main() -> None:
    """Print the verdict."""
    try:
        found = _judge()
    except Exception as error:  # noqa: BLE001  whatever a module does when it is imported is to be told
        found = Verdict(broken=(_words(error),))
    sys.stdout.write(f"\n{json.dumps(dataclasses.asdict(found))}\n")


if __name__ == "__main__":
    main()
