"""Who computed, where, with what: the tags of a run that say so."""

import getpass
import os
import platform
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from compression_ops import device, instruction_sets
from compression_ops.stages.stage import StageResult
from pipelines.lineage import names
from pipelines.recipe import project
from pipelines.state.journal import processes
from pipelines.state.materialization import MadeOn

_PACKAGES = ("torch", "torchvision", "onnxruntime", "onnx", "numpy", "scikit-learn", "safetensors")
_EXTRAS = ("openvino",)  # told where they are installed


def tags() -> dict[str, str]:
    """The tags that MLflow's client does not set by itself, and the versions that results may depend on."""
    return _lasting() | process_tags()


def process_tags() -> dict[str, str]:
    """Those by which a run is known to be this process's."""
    own = processes.own()
    return {names.HOST: own.host, names.PROCESS: own.identity, names.PLACE: own.place}


@cache
def _lasting() -> dict[str, str]:
    found = {
        names.USER: _user(),
        names.SOURCE_NAME: " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:500],
        names.SOURCE_TYPE: "LOCAL",
        names.MACHINE: f"{platform.node()}, {platform.machine()}, {os.cpu_count()} CPUs",
        names.VERSIONS: ", ".join([f"python {platform.python_version()}", *_versions()]),
    }
    commit = _git_commit()
    if commit:
        found[names.GIT_COMMIT] = commit
    return found


def made_on(result: StageResult) -> MadeOn:
    """Where a stage has just computed its result, in this process."""
    return MadeOn(
        device=result.device,
        device_name=device.name(result.device),
        threads=result.threads,
        host=platform.node(),
        processor=instruction_sets.model_name(),
        versions=", ".join(_versions()),
    )


def _versions() -> list[str]:
    found: list[str] = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    for package in _EXTRAS:
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _git_commit() -> str | None:
    """Of the project whose recipes are computed."""
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=project.current().root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None
