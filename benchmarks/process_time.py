"""How long a command takes as a process of its own, imports counted."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent


def seconds(command: Sequence[str], variables: Mapping[str, str] | None = None, folder: Path | None = None) -> float:
    """Wall time of a command with further environment variables. Raises CalledProcessError with what it wrote."""
    environment = os.environ | {"PYTHONPATH": str(_PROJECT)} | dict(variables or {})
    started = time.perf_counter()
    subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
    return time.perf_counter() - started
