"""An environment for each tool, with the pinned versions of `requirements/<tool>.txt`; the tool run in it, once."""

import hashlib
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from benchmarks.peers import handover
from benchmarks.peers.handover import Outcome
from compression_ops.errors import CompressionError

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
REQUIREMENTS = _HERE / "requirements"
TOOLS = tuple(sorted(path.stem for path in REQUIREMENTS.glob("*.txt")))
# Torch is gigabytes: these tools are given this product's packages behind their own, which come first.
_WITH_TORCH = ("neural_compressor", "olive")
_INSTALLED, _MADE_FROM = "installed", "made_from"  # digests of what an environment and models are made from
_LIMIT = 1800  # seconds of an installation, or of all ways of a tool


class ToolError(CompressionError):
    """A tool that cannot be installed or run."""


def interpreter(tool: str, root: Path) -> Path:
    """The Python of the tool's environment below `root`, made anew where its requirements are others.

    Raises ToolError, with the last line of pip's error, where they cannot be installed.
    """
    folder, wanted = root / "environments" / tool, _digest(REQUIREMENTS / f"{tool}.txt")
    python = folder / "bin" / "python"
    marker = folder / _INSTALLED
    if not (marker.exists() and marker.read_text() == wanted):
        handover.emptied(folder)
        print(f"installing {tool} in {folder}", file=sys.stderr)
        venv.create(folder, symlinks=True)
        if tool in _WITH_TORCH:
            (own,) = folder.glob("lib/*/site-packages")
            (own / "torch.pth").write_text(f"{sysconfig.get_path('platlib')}\n")
        # This environment's pip, which installs into others: one of its own takes seconds to install.
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(python)]
        wanted_packages = ["install", "--requirement", str(REQUIREMENTS / f"{tool}.txt")]
        _ended_well([*pip, *wanted_packages], "could not be installed")
        marker.write_text(wanted)
    return python


def quantize(tool: str, root: Path, given: Path, output: Path) -> tuple[dict[str, str], list[Outcome]]:
    """What the tool makes of what is given, in `output`; what an earlier call made stands if nothing has changed.

    Raises ToolError where the tool cannot be installed, imported or run to its end.
    """
    sources = (_HERE / f"{tool}.py", _HERE / "handover.py", REQUIREMENTS / f"{tool}.txt")
    wanted = _digest(*sources, given / handover.MODEL, given / handover.CALIBRATION)
    marker = output / _MADE_FROM
    if not (marker.exists() and marker.read_text() == wanted):
        python = interpreter(tool, root)
        handover.emptied(output)
        print(f"quantizing by {tool}", file=sys.stderr)
        _ended_well([str(python), "-m", f"benchmarks.peers.{tool}", str(given), str(output)], "could not be run")
        marker.write_text(wanted)
    return handover.read(output)


def _ended_well(command: list[str], what: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=_LIMIT)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{what}: not done after {_LIMIT} s") from error
    if done.returncode < 0:
        raise ToolError(f"{what}: ended by signal {-done.returncode}")
    if done.returncode:
        raise ToolError(f"{what}: {handover.last_line(done.stderr or done.stdout)}")


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
