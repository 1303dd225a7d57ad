"""The benchmark report's tables of bits that were chosen layer by layer, for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.cli.benchmark.report_tables import Section
from pipelines.cli.terminal.layout import Column

if TYPE_CHECKING:
    from compression_ops.onnx_model.chosen_widths import ChosenWidths
    from compression_ops.onnx_model.layers.chosen_kernels import ChosenKernels


def sentences(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(model, why it has its bits), from `report.json`."""
    bits = [(name, f"{chosen.sentence}.") for name, chosen in _chosen(content)]
    return bits + [(name, f"{chosen.sentence}.") for name, chosen in _timed(content)]


def tables(content: Mapping[str, Any]) -> list[Section]:
    """Two for each such model: its layers, and the models on the way to it."""
    from compression_ops.report import precision_sections as sections

    found: list[Section] = []
    for name, chosen in _chosen(content):
        heads = (*sections.LAYER_HEADS, *(f"S at {bits}" for bits in sections.widths(chosen)))
        found.append(section(f"Layers of {name}", heads, sections.layers(chosen), sections.LAYERS_NOTE))
        title = f"Bits of {name}, step by step"
        found.append(section(title, sections.STEP_HEADS, sections.steps(chosen), sections.STEPS_NOTE))
    for name, chosen in _timed(content):
        rows = sections.kernels(chosen)
        found.append(section(f"Layers of {name}", sections.KERNEL_HEADS, rows, sections.KERNELS_NOTE))
        title = f"Latency of {name}, by its layers"
        found.append(section(title, sections.TIMED_HEADS, sections.timed(chosen), sections.TIMED_NOTE))
    return found


def _timed(content: Mapping[str, Any]) -> "Iterator[tuple[str, ChosenKernels]]":
    """Those whose layers on integers were chosen by latency."""
    from compression_ops.onnx_model.layers.chosen_kernels import ChosenKernels

    for name, model in content["models"].items():
        if model.get("chosen_kernels"):
            yield name, ChosenKernels.from_fields(model["chosen_kernels"])


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
