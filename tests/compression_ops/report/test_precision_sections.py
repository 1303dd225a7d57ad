"""What the report tells of bits that were chosen: as text, as a page, as JSON, and in a terminal."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from compression_ops.evaluation import measurements
from compression_ops.onnx_model.chosen_widths import ChosenWidths, LayerWidth, Step
from compression_ops.onnx_model.layers.chosen_kernels import ChosenKernels, LayerKernel, Timed
from compression_ops.report import html, json_file, markdown, precision_sections
from compression_ops.report.contents import Report
from compression_ops.report.plots import precision
from pipelines.cli.benchmark import widths_table
from tests.compression_ops import example_report

NAME = "quantized_student/int8"
CHOSEN = ChosenWidths(
    layers=(
        LayerWidth("conv|1", (16, 1, 3, 3), 144, 8, 144, {4: 0.0123, 3: 0.05, 2: 0.4}, 0.75),
        LayerWidth("head", (10, 400), 4000, 4, 2000, {4: -0.0001, 3: 0.002, 2: 0.1}, None),
    ),
    curve=(
        Step((8, 8), 4144, 5000, 0.99, False),
        Step((8, 4), 2144, 3000, 0.985, True),
        Step((4, 4), 2072, 2900, 0.9775, False),
    ),
    float_validation_accuracy=0.99,
    max_accuracy_drop=0.5,
    models=9,
    complete=True,
    sentence="conv|1 keeps 8 bits, since fewer would lose 0.75 points",
)


@pytest.fixture
def report() -> Report:
    found = example_report.report()
    models = tuple(replace(each, widths=CHOSEN if each.name == NAME else None) for each in found.models)
    return replace(found, measurements=replace(found.measurements, models=models))


def test_the_tables_hold_each_layer_and_each_step(report: Report) -> None:
    layers, steps = precision_sections.tables(report)
    assert layers.title == f"Layers of {NAME}"
    assert layers.rows[0] == ("conv|1", "16×1×3×3", "144", "8", "144", "0.75", "12.3", "50", "400")
    assert layers.rows[1][3:] == ("4", "2,000", "–", "-0.1", "2", "100")
    assert steps.rows[1] == ("1, chosen", "8 4", "2,144", "3,000", "98.50 %")
    assert len(layers.heads) == len(layers.rows[0])
    assert len(steps.heads) == len(steps.rows[0])


def test_markdown_and_the_page_say_why_and_show_tables_and_curve(report: Report) -> None:
    text, page = markdown.markdown(report), html.page(report)
    assert "since fewer would lose 0.75 points." in text
    assert "| conv\\|1 | 16×1×3×3 |" in text
    assert "since fewer would lose 0.75 points." in page
    assert f"Bits of {NAME}, step by step" in page
    assert "Accuracy against bytes of weights" in page
    assert precision.draw(report) == precision.draw(report)


def test_a_report_without_such_a_model_says_nothing_of_it() -> None:
    report = example_report.report()
    assert "Bits that were chosen" not in markdown.markdown(report)
    assert "bytes of weights" not in html.page(report)
    assert precision.draw(report) is None


def test_measurements_and_the_json_carry_it(report: Report, tmp_path: Path) -> None:
    measurements.write(report.measurements, tmp_path)
    assert [each.widths for each in measurements.read(tmp_path).models if each.name == NAME] == [CHOSEN]
    json_file.write(report, tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    assert ChosenWidths.from_fields(content["models"][NAME]["chosen_widths"]) == CHOSEN
    layers, steps = widths_table.tables(content)
    assert list(layers.names.cells) == ["conv|1", "head"]
    assert [column.head for column in steps.columns] == list(precision_sections.STEP_HEADS[1:])
    assert widths_table.sentences(content) == [(NAME, f"{CHOSEN.sentence}.")]
    assert widths_table.tables({"models": {"teacher": {}}}) == []


KERNELS = ChosenKernels(
    layers=(LayerKernel("conv|1", (16, 1, 3, 3), 144, False, 1.25), LayerKernel("head", (10, 400), 4000, True, None)),
    models=(Timed("float", (False, False), 81.0, 0.99, False), Timed("fastest", (False, True), 40.0, 0.985, True)),
    float_validation_accuracy=0.99,
    max_accuracy_drop=0.5,
    batch_size=1,
    min_gain=5.0,
    processor="a processor",
    onnxruntime="1.0",
    tried=5,
    complete=True,
    sentence="head runs on integers: 40 µs instead of 81 µs in float",
)


def test_layers_chosen_by_latency_are_told_too(tmp_path: Path) -> None:
    found = example_report.report()
    timings = replace(found.measurements.timings, kernels={NAME: KERNELS})
    report = replace(found, measurements=replace(found.measurements, timings=timings))
    layers, models = precision_sections.tables(report)
    assert layers.rows[0] == ("conv|1", "16×1×3×3", "144", "float", "+1.2 µs")
    assert layers.rows[1][3:] == ("integers", "–")
    assert models.rows[1] == ("fastest, chosen", "float int", "40 µs", "98.50 %")
    for text in (markdown.markdown(report), html.page(report)):
        assert "instead of 81 µs in float." in text
    measurements.write(report.measurements, tmp_path)
    assert measurements.read(tmp_path).timings.kernels == {NAME: KERNELS}
    assert "head" not in (tmp_path / "measurements.json").read_text(), "which another run repeats"
    json_file.write(report, tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    assert widths_table.sentences(content) == [(NAME, f"{KERNELS.sentence}.")]
    assert [table.title for table in widths_table.tables(content)] == [layers.title, models.title]
