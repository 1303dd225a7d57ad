"""What of this machine is in the key of an action: where another differs in it, the same action has another result."""

import subprocess
from pathlib import Path

from compression_ops import instruction_sets, target
from pipelines.graph.asset import Asset

_CPUINFO = Path("/proc/cpuinfo")
# Linux's fields that tell ARM's processors apart, which have no name there.
_IDENTITY = ("CPU implementer", "CPU variant", "CPU part")


def stand_ins(asset: Asset) -> list[str]:
    """The targets that it asks for answers and that this machine cannot run, by their words, sorted.

    To try that may start a process, such as a compiler.
    """
    return sorted({target.word(each) for each in asset.targets if not target.runs_here(each)})


def processor(cpuinfo: Path = _CPUINFO) -> list[str]:
    """What tells this machine's processor from others: its name, the kinds of its cores, and its instructions."""
    try:
        lines = [line.partition(":") for line in cpuinfo.read_text().splitlines()]
    except OSError:  # not Linux
        lines = []
    cores = {f"{key.strip()}: {value.strip()}" for key, _, value in lines if key.strip() in _IDENTITY}
    name = instruction_sets.model_name(cpuinfo)
    flags = " ".join(sorted(instruction_sets.flags(cpuinfo)))
    return [name, *sorted(cores), flags, *([] if lines else _of_macos())]


def _of_macos() -> list[str]:
    """Its processor's name, `Apple M3`; nothing where the system has no such command or does not know it."""
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return []
    return [found.stdout.strip()]
