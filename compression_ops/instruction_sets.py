"""The processor's instruction sets, as the system names them; imports nothing heavy."""

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# Multiplying bfloat16: AVX-512's dot product and AMX's tiles. Without them torch computes it slower than float32.
BFLOAT16 = ("avx512_bf16", "amx_bf16")


def flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """Linux's names of what the processor can do (`avx2`, `asimd`); none where `cpuinfo` cannot be read."""
    fields = _fields(cpuinfo)
    return frozenset(fields.get("flags", fields.get("Features", "")).split())


def model_name(cpuinfo: Path = _CPUINFO) -> str:
    """The processor's name, as the system reports it."""
    return (_fields(cpuinfo).get("model name") or platform.processor() or platform.machine()).strip()


def has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the processor multiplies bfloat16 by instructions of its own."""
    return not flags(cpuinfo).isdisjoint(BFLOAT16)


def _fields(cpuinfo: Path) -> dict[str, str]:
    """The first value of each field: the cores of one machine agree in the ones that matter here."""
    try:
        text = cpuinfo.read_text()
    except OSError:  # not Linux
        return {}
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), value.strip())
    return fields
