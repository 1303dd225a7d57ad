"""The benchmark report's tables of bits that were chosen layer by layer, for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.cli.benchmark.report_tables import Section
from pipelines.cli.terminal.layout import Column

if TYPE_CHECKING:
    from compression_ops.onnx_model.chosen_widths import ChosenWidths


def sentences(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(model, why it has its bits), from `report.json`."""
    return [(name, f"{chosen.sentence}.") for name, chosen in _chosen(content)]


def tables(content: Mapping[str, Any]) -> list[Section]:
    """Two for each such model: its layers, and the models on the way to it."""
    from compression_ops.report import precision_sections as sections

    found: list[Section] = []
    for name, chosen in _chosen(content):
        heads = (*sections.LAYER_HEADS, *(f"S at {bits}" for bits in sections.widths(chosen)))
        found.append(section(f"Layers of {name}", heads, sections.layers(chosen), sections.LAYERS_NOTE))
        title = f"Bits of {name}, step by step"
        found.append(section(title, sections.STEP_HEADS, sections.steps(chosen), sections.STEPS_NOTE))
    return found


def _chosen(content: Mapping[str, Any]) -> "Iterator[tuple[str, ChosenWidths]]":
    """Reports of earlier versions have none."""
    from compression_ops.onnx_model.chosen_widths import ChosenWidths

    for name, model in content["models"].items():
        if model.get("chosen_widths"):
            yield name, ChosenWidths.from_fields(model["chosen_widths"])


def section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> Section:
    """A table from its heads and rows, whose first cells name what a row is about."""
    names, *others = [[row[index] for row in rows] for index in range(len(heads))]
    columns = tuple(Column(head, cells) for head, cells in zip(heads[1:], others, strict=True))
    return Section(title, Column(heads[0], names, right=False), columns, note)
