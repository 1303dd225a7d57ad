"""The benchmark report's table of targets, for a terminal."""

from collections.abc import Mapping
from typing import Any

from pipelines.cli.benchmark import widths_table
from pipelines.cli.benchmark.report_tables import Section


def tables(content: Mapping[str, Any]) -> list[Section]:
    """One, from `report.json`; none where there are no targets."""
    from compression_ops.report import sections

    rows = [sections.target_cells(target) for target in content.get("targets", ())]
    return [widths_table.section("Targets", sections.TARGET_HEADS, rows, sections.TARGETS_NOTE)] if rows else []
