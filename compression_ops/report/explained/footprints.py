"""What targets that run without a runtime take of a machine: code, memory, stack, instructions."""

from compression_ops import quantities
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table

TITLE = "What C code takes"
HEADS = ("Target", "Code", "Constants", "RAM", "Stack", "Instructions")
_NOTE = (
    "Bytes, built by this machine's C compiler with -O3 and no -march. Code and constants: what reaches flash; RAM: "
    "static memory; stack: along the deepest way of calls, the C library's own not counted. Instructions: of one call "
    "on the first test sample, by valgrind."
)


def table(report: Report) -> Table | None:
    """A row a target that tells it; None where none does."""
    found = report.measurements.timings.footprints
    if not found:
        return None
    rows = tuple(
        (
            name,
            *map(
                quantities.count,
                (each.code_bytes, each.constant_bytes, each.ram_bytes, each.stack_bytes, each.instructions),
            ),
        )
        for name, each in found.items()
    )
    absent = dict.fromkeys(words for each in found.values() for words in each.absent)
    return Table(TITLE, HEADS, rows, " ".join((_NOTE, *(f"Not told: {words}." for words in absent))))
