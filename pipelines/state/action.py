"""One computation: an asset's stage on what was loaded for it, and the key that it is known by."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compression_ops import instruction_sets, target
from compression_ops.spec import Spec
from pipelines.graph import digests
from pipelines.graph.asset import GENERATION, Asset
from pipelines.state.materialization import Source

_CPUINFO = Path("/proc/cpuinfo")
# Linux's fields that tell ARM's processors apart, which have no name there.
_IDENTITY = ("CPU implementer", "CPU variant", "CPU part")


@dataclass(frozen=True)
class Inputs:
    """An asset's loaded inputs: folders to read, and what they are."""

    folders: Mapping[str, Path]
    sources: Mapping[str, Source]


@dataclass(frozen=True)
class Action:
    """One computation to be looked up or done.

    `parameters` are the recipe's, with what was observed in them: the generation's seed, the candidates' gates.
    """

    asset: Asset
    parameters: Spec
    inputs: Inputs
    key: str


def key(asset: Asset, parameters: Spec, sources: Mapping[str, Source]) -> str:
    """The action's digest. Unlike a derivation it depends on what the inputs *are*, not on how they were made, so an
    input that is made anew with the same content leaves the action known. What was chosen by the clock of another
    processor is not known on this one; what a stand-in answered for a target is not known where that runs.
    """
    stand_ins = sorted({target.word(each) for each in asset.targets if not target.runs_here(each)})
    return digests.of_value(
        {
            "stage": asset.kind,
            "parameters": parameters.model_dump(mode="json"),
            "code": asset.code_digests,
            "inputs": {
                name: source.artifact if name in asset.exact_inputs else source.digest
                for name, source in sources.items()
                if name != GENERATION  # it is in the seed
            },
            **({"processor": processor()} if asset.is_timed else {}),
            **({"stand_ins": stand_ins} if stand_ins else {}),
        }
    )


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
