"""The report's table of targets, in each of its forms; nothing of it where there are none."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compression_ops.evaluation import measurements
from compression_ops.evaluation.latency import summarize
from compression_ops.footprint import Footprint
from compression_ops.report import html, json_file, markdown, sections
from compression_ops.report.contents import Report
from pipelines.cli.benchmark import targets_table
from tests.compression_ops import example_report


@pytest.fixture(scope="module")
def report() -> Report:
    """The example with two targets, one of them timed at 42 µs and 420 µs."""
    found = example_report.measurements(with_targets=True)
    timings = found.timings
    latency = {("target/int8/onnx", size): summarize(np.full(9, time)) for size, time in ((1, 42.0), (32, 420.0))}
    footprints = {"target/int8/watch": Footprint(4_096, 12_000, 6_144, 208, None, ("no valgrind (apt-get it)",))}
    timings = replace(timings, latency={**timings.latency, **latency}, footprints=footprints)
    return Report(replace(found, timings=timings), example_report.report().limits)


def test_a_row_tells_bytes_differing_samples_oldest_runtime_and_latency(report: Report) -> None:
    table = sections.targets(report)
    assert table is not None
    assert [dict(zip(table.heads, row, strict=True)) for row in table.rows] == [
        {
            "Target": "target/int8/onnx", "Made of": "quantized_student/int8", "Type": "onnx", "Bytes": "4,321",
            "Differing samples": "0", "Oldest runtime": "onnxruntime 1.17", "Latency (batch 1)": "42 µs",
        },
        {
            "Target": "target/int8/watch", "Made of": "quantized_student/int8", "Type": "watch", "Bytes": "12,345",
            "Differing samples": "3", "Oldest runtime": "–", "Latency (batch 1)": "–",
        },
    ]  # fmt: skip


def test_it_stands_in_markdown_on_the_page_in_json_and_on_the_terminal(report: Report, tmp_path: Path) -> None:
    assert "| target/int8/watch | quantized_student/int8 | watch | 12,345 | 3 |" in markdown.markdown(report)
    page = html.page(report)
    assert "<h2>Targets</h2>" in page
    assert "<td>onnxruntime 1.17</td>" in page
    json_file.write(report, tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["targets"][1]["differing_samples"] == 3
    (section,) = targets_table.tables(content)
    assert section.names.cells == ["target/int8/onnx", "target/int8/watch"]
    assert {column.head: column.cells for column in section.columns}["Differing samples"] == ["0", "3"]


def test_what_a_target_takes_of_a_machine_stands_on_the_page_in_markdown_and_on_the_terminal(report: Report) -> None:
    text, page = markdown.markdown(report), html.page(report)
    assert "| target/int8/watch | 4,096 | 12,000 | 6,144 | 208 | – |" in text
    assert "Not told: no valgrind (apt-get it)." in page
    (section,) = targets_table.tables({}, text)
    assert section.names.cells == ["target/int8/watch"]
    cells = {column.head: column.cells for column in section.columns}
    assert cells == {
        "Code": ["4,096"], "Constants": ["12,000"], "RAM": ["6,144"], "Stack": ["208"], "Instructions": ["–"],
    }  # fmt: skip
    assert section.note.endswith("Not told: no valgrind (apt-get it).")
    assert targets_table.tables({}, markdown.markdown(example_report.report())) == []


def test_without_targets_nothing_is_said_of_them(tmp_path: Path) -> None:
    report = example_report.report()
    assert sections.targets(report) is None
    assert "Targets" not in markdown.markdown(report) + html.page(report)
    json_file.write(report, tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    assert "targets" not in content
    assert targets_table.tables(content) == []


def test_measurements_with_targets_come_back_from_their_files(report: Report, tmp_path: Path) -> None:
    measurements.write(report.measurements, tmp_path)
    again = measurements.read(tmp_path)
    assert again.targets == example_report.TARGETS
    assert again.timings.footprints == report.measurements.timings.footprints
    numbers = report.measurements.metrics()
    assert numbers["target/int8/watch.differing_share"] == 0.0075
    assert numbers["target/int8/onnx.latency_p50_us_batch32"] == 420
    assert numbers["target/int8/watch.stack_bytes"] == 208
    assert "target/int8/watch.instructions" not in numbers
