"""The benchmark report's table of targets, for a terminal."""

from collections.abc import Mapping
from typing import Any

from pipelines.cli.benchmark import widths_table
from pipelines.cli.benchmark.report_tables import Section


def tables(content: Mapping[str, Any], markdown: str = "") -> list[Section]:
    """One, from `report.json`, and of those that run without a runtime one of what they take, which differs between
    machines, so that `report.md` alone tells it; none where there are no targets.
    """
    from compression_ops.report import sections

    rows = [sections.target_cells(target) for target in content.get("targets", ())]
    found = [widths_table.section("Targets", sections.TARGET_HEADS, rows, sections.TARGETS_NOTE)] if rows else []
    return [*found, *_footprints(markdown)]


def _footprints(markdown: str) -> list[Section]:
    from compression_ops.report.explained import footprints

    _, _, text = markdown.partition(f"### {footprints.TITLE}\n\n")
    lines, _, rest = text.partition("\n\n")
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines.splitlines()[2:]]
    note = rest.partition("\n\n")[0]
    return [widths_table.section(footprints.TITLE, footprints.HEADS, rows, note)] if rows else []
