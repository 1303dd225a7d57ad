"""The benchmark report's table of what was trained from several seeds, for a terminal."""

from collections.abc import Sequence

from compression_ops import quantities
from compression_ops.metric import WORDS, Metric
from compression_ops.metric import columns as columns_of
from pipelines.cli.benchmark.report_tables import Cell, Row, Section, digits
from pipelines.cli.terminal.layout import Column


def table(models: Sequence[Row], metric: Metric) -> Section | None:
    """Mean and deviation of what was trained from several seeds; None where nothing was."""
    repeated = [row for row in models if row.get("seeds") is not None]
    if not repeated:
        return None
    places, names = digits(models) + 1, columns_of(metric)

    def column(head: str, cell: Cell) -> Column:
        return Column(head, [cell(row) for row in repeated], joined=head.endswith("p"))

    def mean(row: Row) -> str:
        value, deviation = row[f"{names.value}_mean"], row[f"{names.value}_sd"]
        return f"{quantities.percent(value, places)} ± {100 * deviation:.{places}f}"

    def points(name: str) -> Cell:
        return lambda row: quantities.points(row.get(f"{name}_mean"), places)

    def p_value(name: str) -> Cell:
        return lambda row: quantities.p_value(row.get(f"{name}_mean_p_value"))

    columns = (
        column("Seeds", lambda row: quantities.count(row["seeds"])),
        column("Mean ± sd", mean),
        column("Change", points(names.change)),
        column("p", p_value(names.change)),
        column("Gain over control", points(names.gain)),
        column("Gain's p", p_value(names.gain)),
    )
    note = (
        f"Test {WORDS[metric]} of networks trained from several seeds; sd: between seeds. Change: the mean against the "
        "parent, gain: against the control, in points; p counts the chance of seeds and of test samples."
    )
    return Section("Over seeds", Column("Model", [row["model"] for row in repeated], right=False), columns, note)
