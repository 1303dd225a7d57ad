"""The benchmark report's tables of what compression changed, for a terminal: layers, classes, calibration."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.cli.benchmark.report_tables import Section
from pipelines.cli.terminal.layout import Column

if TYPE_CHECKING:
    from compression_ops.report.sections import Table

_WORDS = ("Said instead", "Stored")  # heads of columns that are no numbers


def noise_sentences(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(quantized student, which of its layers to keep at more bits), from `report.json`."""
    from compression_ops.report.explained import layer_noise

    return layer_noise.sentences(layer_noise.of_content(content))


def noise(content: Mapping[str, Any]) -> list[Section]:
    """One of each quantized student: its layers."""
    from compression_ops.report.explained import layer_noise

    return [_section(table) for table in layer_noise.tables(layer_noise.of_content(content))]


def lost_sentences(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(model, which classes lost against its parent) of each student and quantized student."""
    from compression_ops.report.explained import class_changes

    return class_changes.sentences(class_changes.of_content(content), content["classes"])


def lost(content: Mapping[str, Any]) -> list[Section]:
    """One of each such model of which a class lost: these classes, and what is said instead."""
    from compression_ops.report.explained import class_changes

    return [_section(each) for each in class_changes.tables(class_changes.of_content(content), content["classes"])]


def calibration(content: Mapping[str, Any], digits: int) -> list[Section]:
    """One of all models; none in reports of earlier versions."""
    from compression_ops.report.explained import calibration

    table = calibration.table(calibration.of_content(content), digits)
    return [] if table is None else [_section(table)]


def _section(table: "Table") -> Section:
    names, *others = (_cells(table.rows, index) for index in range(len(table.heads)))
    columns = tuple(
        Column(head, cells, right=head not in _WORDS, prose=head in _WORDS)
        for head, cells in zip(table.heads[1:], others, strict=True)
    )
    return Section(table.title, Column(table.heads[0], names, right=False), columns, table.note)


def _cells(rows: Sequence[Sequence[str]], index: int) -> list[str]:
    return [row[index] for row in rows]
