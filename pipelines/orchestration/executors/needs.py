"""What an asset needs of the machine that computes it, so that a cluster can find one."""

import os
import re
from dataclasses import dataclass, replace

from compression_ops import device as devices
from compression_ops.errors import CompressionError
from pipelines.execution import device
from pipelines.graph.asset import OBSERVED, Asset
from pipelines.kinds import kind

SETTING, THREADS = "COMPRESSION_NEEDS", "OMP_NUM_THREADS"
_UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "K": 10**3, "M": 10**6, "G": 10**9}
_ENTRY = re.compile(
    r"(?:(?P<kind>\w+)\.)?(?:threads=(?P<threads>[1-9]\d*)|memory=(?P<memory>[1-9]\d*)(?P<unit>[KMG]i?)?B?)"
)
_WORDS_OF_A_CLUSTER = (devices.AUTO, devices.CPU, "cuda")
_ALLOWED = "entries such as `memory=2GiB, teacher.memory=8GiB, student.threads=4`, with commas between them"


@dataclass(frozen=True)
class Needs:
    """threads   cores that it keeps busy
    memory    bytes
    gpus      0 or 1
    is_alone  whether nothing else may be computed on the same machine meanwhile: it measures, or takes all cores
    is_heavy  whether what is alone may not run beside it
    """

    threads: int
    memory: int
    gpus: int
    is_alone: bool
    is_heavy: bool

    @classmethod
    def of(cls, asset: Asset) -> "Needs":
        """Of an asset: what its kind says, and `COMPRESSION_NEEDS` says otherwise. Raises CompressionError."""
        own, said = kind.named(asset.kind), _stated()
        learns = own.on_device and asset.is_heavy and not asset.is_timed
        found = cls(
            threads=_threads() if asset.is_heavy else 1,
            memory=own.memory,
            gpus=int(learns and device.stated().startswith("cuda")),
            is_alone=asset.is_heavy and not learns,
            is_heavy=asset.is_heavy,
        )
        return replace(found, **said.get("", {}) | said.get(asset.kind, {}))

    @staticmethod
    def check(is_elsewhere: bool) -> None:
        """Raise CompressionError for a setting that says nothing of use.

        is_elsewhere  whether assets are computed on machines of a cluster, of which nobody here knows the devices
        """
        _stated()
        _threads()
        word = device.stated()
        if is_elsewhere and word not in _WORDS_OF_A_CLUSTER:
            raise CompressionError(
                f"{device.SETTING}: a cluster finds a machine for an asset, and gives it a GPU of that\n"
                f"  found:   {word!r}\n  allowed: {', '.join(_WORDS_OF_A_CLUSTER)}"
            )


def _threads() -> int:
    """As many as `OMP_NUM_THREADS` says, or one: a small network keeps no second core busy."""
    stated = os.environ.get(THREADS, "").strip()
    return int(stated) if stated.isascii() and stated.isdigit() and int(stated) else 1


def _stated() -> dict[str, dict[str, int]]:
    """{kind, or nothing for all: {field: value}}."""
    found: dict[str, dict[str, int]] = {}
    for entry in filter(None, (part.strip() for part in os.environ.get(SETTING, "").split(","))):
        match = _ENTRY.fullmatch(entry)
        if match is None or match["kind"] not in (None, *_kinds()):
            raise CompressionError(
                f"{SETTING}: what assets need, of all kinds or of one\n  found:   {entry!r}\n  allowed: {_ALLOWED}\n"
                f"  kinds:   {', '.join(_kinds())}"
            )
        field = "threads" if match["threads"] else "memory"
        found.setdefault(match["kind"] or "", {})[field] = int(match[field]) * _UNITS[match["unit"] or ""]
    return found


def _kinds() -> list[str]:
    """Those of assets that are computed."""
    return [name for name in kind.kinds() if name not in OBSERVED]
