"""The processor that a latency was measured on: its name and the vector instructions that decide int8 speed."""

import os
from dataclasses import dataclass
from pathlib import Path

from compression_ops import instruction_sets

# Linux's names -> the names that vendors and papers use. Order: oldest first.
_EXTENSIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512 VNNI",
    "amx_int8": "AMX-INT8",
    "asimd": "NEON",
    "asimddp": "NEON dot product",
    "i8mm": "NEON int8 matrix",
    "sve": "SVE",
}


@dataclass(frozen=True)
class Processor:
    """name: as the system reports it; extensions: which of AVX2, AVX-512, VNNI, AMX, NEON and SVE it has."""

    name: str
    extensions: tuple[str, ...]
    logical_cores: int


def detect(cpuinfo: Path = Path("/proc/cpuinfo")) -> Processor:
    """This machine's processor. Where `cpuinfo` cannot be read (not Linux), no extension is claimed."""
    flags = instruction_sets.flags(cpuinfo)
    extensions = tuple(label for flag, label in _EXTENSIONS.items() if flag in flags)
    return Processor(instruction_sets.model_name(cpuinfo), extensions, os.cpu_count() or 1)
