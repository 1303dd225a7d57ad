"""Which executor computes: `COMPRESSION_EXECUTOR`. Each other module here that has an `EXECUTOR` is one, found by its
file name.

Dagster is imported where an executor is asked for its definition: a command that only looks at the setting stays quick.
"""

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compression_ops.errors import CompressionError
from pipelines.orchestration.executors import configuration
from pipelines.orchestration.executors.needs import Needs
from pipelines.recipe.error import nearest

if TYPE_CHECKING:
    import dagster as dg

SETTING = "COMPRESSION_EXECUTOR"
_DEFAULT = "in_process"


def _no_tags(needs: Needs) -> Mapping[str, str]:
    return {}


def _reached(on: "dg.DagsterInstance") -> None:
    pass


@dataclass(frozen=True)
class Executor:
    """Where the assets of a run are computed.

    place       `process`, the one that executes the run, `machine`, others of the same machine, or `cluster`, any other
    definition  Dagster's executor, with its own settings
    tags        what it is told of an asset, as tags of Dagster's, from what the asset needs
    packages    what it needs beside the product: what pip calls it, by the module
    begins      how a process that computes an asset is begun, where that is by a command: with Dagster's
    reach       raises CompressionError if what computes cannot be reached from here, by a run on Dagster's instance
    """

    place: Literal["process", "machine", "cluster"]
    definition: Callable[[Mapping[str, Any]], "dg.ExecutorDefinition"]
    tags: Callable[[Needs], Mapping[str, str]] = _no_tags
    packages: Mapping[str, str] = field(default_factory=dict)
    begins: tuple[str, ...] = (sys.executable, "-m", "dagster")
    reach: "Callable[[dg.DagsterInstance], None]" = _reached

    @property
    def is_alone(self) -> bool:
        """Whether the process that executes a run computes all of its assets."""
        return self.place == "process"

    def configured(self) -> "dg.ExecutorDefinition":
        """As `COMPRESSION_EXECUTOR_CONFIG` has it. Raises CompressionError for what the executor does not take."""
        found = self.definition(configuration.read())
        applied = found.apply_config_mapping({})
        if not applied.success:
            raise configuration.refused("; ".join(error.message for error in applied.errors or ()))
        return found


@cache
def executors() -> dict[str, Executor]:
    """Every executor by its name, sorted."""
    here = [str(Path(__file__).parent)]
    modules = {name: importlib.import_module(f"{__package__}.{name}") for _, name, _ in pkgutil.iter_modules(here)}
    return {name: module.EXECUTOR for name, module in sorted(modules.items()) if hasattr(module, "EXECUTOR")}


def chosen() -> Executor:
    """The one that the setting names. Raises CompressionError if it names none, or one whose package is missing."""
    name = os.environ.get(SETTING, "").strip() or _DEFAULT
    known = executors()
    if name not in known:
        close = nearest(name, list(known))
        raise CompressionError(
            f"{SETTING}: no such executor\n  found:   {name!r}\n  allowed: {', '.join(known)}"
            + (f"\n  did you mean `{close}`?" if close else "")
        )
    missing = [package for module, package in known[name].packages.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise CompressionError(
            f"{SETTING}: {name} needs {' and '.join(missing)}, which this Python does not have\n"
            f"  pip install 'compression-pipeline[{name}]'; or leave the setting out"
        )
    return known[name]


def is_here() -> bool:
    """Whether this machine computes, as far as the setting says."""
    try:
        return chosen().place != "cluster"
    except CompressionError:  # which a run tells
        return True


def check() -> Executor:
    """The chosen one. Raises CompressionError for whatever is wrong in any of the settings of executors."""
    found = chosen()
    configuration.workers()
    others = [name for name in executors() if name != _DEFAULT]
    if configuration.read() and found.is_alone:
        raise CompressionError(
            f"{configuration.FILE}: {os.environ[configuration.FILE]} holds settings, and {_DEFAULT} has none\n"
            f"  leave it out, or let {SETTING} name another: {', '.join(others)}"
        )
    Needs.check(is_elsewhere=found.place == "cluster")
    return found
