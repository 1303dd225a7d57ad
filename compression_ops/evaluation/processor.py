"""The processor that a latency was measured on: its name and the vector instructions that decide int8 speed."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

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
    try:
        fields = _fields(cpuinfo.read_text())
    except OSError:
        fields = {}
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    name = fields.get("model name") or platform.processor() or platform.machine()
    extensions = tuple(label for flag, label in _EXTENSIONS.items() if flag in flags)
    return Processor(name.strip(), extensions, os.cpu_count() or 1)


def _fields(text: str) -> dict[str, str]:
    """The first value of each field: the cores of one machine agree in the ones that matter here."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), value.strip())
    return fields
