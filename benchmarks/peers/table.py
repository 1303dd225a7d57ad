"""The table: one row a model, one too for what failed, and beneath it what was measured where."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.handover import Outcome
from benchmarks.peers.measure import Measured
from compression_ops import quantities
from compression_ops.errors import CompressionError

_HEAD = (
    *("quantized by", "bits of weights, activations", "test accuracy, %", "samples gained, lost", "p"),
    *("weights, bytes", "file, bytes", "latency, µs (range)", "quantized in, s"),
)
_LONGEST = 160  # characters of an error


@dataclass(frozen=True)
class Row:
    """tool     its name, and its version where it is no part of this product
    outcome  None for the float student, and where the tool failed as a whole
    found    what was measured, or why nothing could be
    """

    tool: str
    outcome: Outcome | None
    found: Measured | CompressionError


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [_HEAD, ["---"] * len(_HEAD), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> list[str]:
    name = row.tool if row.outcome is None else f"{row.tool}, {row.outcome.call}"
    bits = "float" if row.outcome is None else row.outcome.bits
    if isinstance(row.found, CompressionError):
        failed = f"**fails**: {_in_a_cell(str(row.found))}"
        return [name, quantities.MISSING if row.outcome is None else bits, failed, *[""] * (len(_HEAD) - 3)]
    found, seconds = row.found, None if row.outcome is None else row.outcome.seconds
    test = found.against_float
    return [
        name,
        f"{bits}; **weights float in the file**" if found.float_weights else bits,
        f"{100 * found.accuracy:.2f}",
        quantities.MISSING if row.outcome is None else f"+{test.only_first}, −{test.only_second}",
        quantities.MISSING if row.outcome is None else quantities.p_value(test.p_value),
        f"{found.cost.weight_bytes:,}",
        f"{found.cost.file_bytes:,}",
        f"{statistics.median(found.latencies):.1f} ({min(found.latencies):.1f} to {max(found.latencies):.1f})",
        quantities.MISSING if seconds is None else f"{seconds:.2f}",
    ]


def _in_a_cell(text: str) -> str:
    """On one line, without what would end the cell; of a long text its end, which says what was wrong."""
    words = " ".join(text.split())
    shown = words if len(words) <= _LONGEST else f"… {words[-_LONGEST:].partition(' ')[2]}"
    return shown.replace("|", "\\|")


def versions(found: Mapping[str, Mapping[str, str]]) -> str:
    """`nncf: nncf 3.4.0, onnx 1.23.2`, one line a tool."""
    return "\n".join(
        f"- {tool}: {', '.join(f'{package} {version}' for package, version in packages.items())}"
        for tool, packages in found.items()
    )
