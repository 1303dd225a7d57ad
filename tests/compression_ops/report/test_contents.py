"""The report tells the truth about a set of models whose numbers are known, in each of its forms."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from compression_ops.evaluation.measurements import LATENCY_COLUMNS
from compression_ops.evaluation.over_seeds import OverSeeds
from compression_ops.evaluation.statistics import Difference
from compression_ops.report import files as report_files
from compression_ops.report import html as report_html
from compression_ops.report import json_file as report_json
from compression_ops.report import markdown as report_markdown
from compression_ops.report import sections as report_sections
from compression_ops.report import table as report_table
from compression_ops.report.contents import Report, recommended
from compression_ops.report.plots import accuracy, confusion
from compression_ops.report.plots import latency as plot_latency
from tests.compression_ops import example_report


@pytest.fixture(scope="module")
def report() -> Report:
    return example_report.report()


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return report_html.page(report)


def test_a_row_of_the_frame_holds_what_can_be_counted_by_hand(report: Report) -> None:
    row = report_table.frame(report).set_index("model").loc["student/small"]
    assert row["test_accuracy"] == 392 / 400
    assert row["accuracy_change_points"] == pytest.approx(-1.0)
    assert (row["only_model_right_samples"], row["only_parent_right_samples"]) == (0, 4)
    assert row["mcnemar_p_value"] == stats.binomtest(0, 4).pvalue
    assert row["teacher_agreement"] == 396 / 400
    assert row["worst_class"] == "cat"
    assert row["worst_class_change_points"] == pytest.approx(-1.0)
    assert row["distillation_gain_points"] == pytest.approx(3.0)
    assert row["distillation_p_value"] == stats.binomtest(0, 12).pvalue
    assert row["compression_ratio"] == 10
    assert row["speedup_ratio"] == pytest.approx(5)
    assert row["latency_p99_us_batch32"] == pytest.approx(200 * 32)


def test_the_columns_are_those_that_are_told_in_one_place(report: Report) -> None:
    latency = [f"{column}_batch{size}" for size in (1, 32) for column in LATENCY_COLUMNS]
    assert list(report_table.frame(report).columns) == [*report_table.COLUMNS, *latency]


def test_a_frame_comes_back_from_its_file_as_it_was(report: Report, tmp_path: Path) -> None:
    report_table.write(report, tmp_path)
    table, read = report_table.frame(report), report_files.read_frame(tmp_path)
    assert json.loads(read.to_json(orient="records")) == json.loads(table.to_json(orient="records"))


def test_a_quantized_student_passes_only_within_both_limits(report: Report) -> None:
    passed = report_table.frame(report).set_index("model")["passed"]
    assert passed["quantized_student/int8"] is True  # loses 0.25 points, 25 times smaller
    assert passed["quantized_student/int4"] is False  # loses 8 points
    assert passed["student/small"] is None


@pytest.mark.parametrize(("mean", "passed"), [(-0.51, False), (-0.49, True)])
def test_where_there_are_several_seeds_the_report_judges_their_mean_as_the_gate_does(mean: float, passed: bool) -> None:
    name, alone = "quantized_student/int8", example_report.report()  # whose first seed loses 0.25 points
    seeds = OverSeeds({"accuracy": (0.98, 0.97)}, {"accuracy": Difference(mean, 0.3)}, {})
    models = tuple(replace(each, over_seeds=seeds) if each.name == name else each for each in alone.models)
    found = replace(alone, measurements=replace(alone.measurements, models=models))
    assert found.verdicts[name].passed is passed
    assert f"Loses {-mean} points against student/small (mean of 2 seeds; " in found.verdicts[name].words
    assert ("Smallest within the limits" in report_markdown.markdown(found)) is passed


def test_the_model_to_look_at_is_the_smallest_that_passes(report: Report) -> None:
    assert recommended(report).name == "quantized_student/int8"
    assert recommended(example_report.report(("teacher", "student/small"))).name == "student/small"
    assert recommended(example_report.report(("teacher",))).name == "teacher"
    failing = example_report.report(("teacher", "student/small", "quantized_student/int4"))
    assert recommended(failing).name == "quantized_student/int4"
    assert "None is within the limits" in report_markdown.markdown(failing)


def test_metrics_are_finite_numbers_named_by_model_and_column(report: Report) -> None:
    metrics = report.measurements.metrics()
    assert metrics["teacher.test_accuracy"] == 0.99
    assert metrics["quantized_student/int8.latency_p50_us_batch1"] == 100
    assert "teacher.mcnemar_p_value" not in metrics
    assert all(np.isfinite(value) for value in metrics.values())
    assert all(re.fullmatch(r"[a-z0-9_]+", name.rpartition(".")[2]) for name in metrics)


def test_the_headline_is_of_the_model_to_look_at_and_says_which_pass(report: Report) -> None:
    headline = report_table.headline(report, recommended(report))
    assert list(headline.items())[:3] == [
        ("quantized_student/int8.test_accuracy", 391 / 400),
        ("quantized_student/int8.file_bytes", 4000),
        ("quantized_student/int8.compression_ratio", 25),
    ]
    assert (headline["quantized_student/int8.passed"], headline["quantized_student/int4.passed"]) == (1, 0)


def test_the_json_holds_quality_and_size_but_nothing_that_time_changes(report: Report, tmp_path: Path) -> None:
    report_json.write(report, tmp_path)
    content = report_files.read_content(tmp_path)
    student = content["models"]["student/small"]
    assert np.trace(student["confusion_matrix"]) == 392
    assert student["class_accuracy"] == [0.98] * 4
    assert content["recommended"] == "quantized_student/int8"
    assert not re.search("latency|memory|speed|AVX", json.dumps(content))


def test_markdown_begins_with_a_table_of_one_row_a_model_and_names_the_machine(report: Report) -> None:
    lines = report_markdown.markdown(report).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:7]] == [model.name for model in report.models]
    assert "| 98.0 % | −1.0 | 0.12 | 10.0 kB | 10.0× | 200 µs | 5.00× |" in lines[3]
    text = "\n".join(lines)
    for fact in ("Example \\*CPU\\*", "AVX2", "onnxruntime 1.0", "50 a model", "**Test samples**: 400"):
        assert fact in text


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head(report: Report) -> None:
    tables = re.findall(r"(?:^\|.*\|\n)+", report_markdown.markdown(report), flags=re.MULTILINE)
    # Five of models and classes, calibration, that of class averages, that of each class, a confusion matrix a model,
    # and what classes lost of each student and quantized student.
    assert len(tables) == 8 + len(report.models) + 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert len(sources) == 4
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(", page)


def test_the_page_says_what_the_table_says_and_escapes_names(page: str) -> None:
    for text in (
        "98.0 %",
        "25.0×",
        "Loses 0.2 points against student/small",
        "Example *CPU*",
        "&lt;b&gt;owl&lt;/b&gt;",
    ):
        assert text in page
    assert "<b>owl</b>" not in page


@pytest.mark.parametrize("names", [("teacher",), ("teacher", "student/small")])
@pytest.mark.parametrize("batch_sizes", [(1,), (1, 8, 32)])
def test_a_report_of_few_models_is_complete_too(names: tuple[str, ...], batch_sizes: tuple[int, ...]) -> None:
    small = example_report.report(names, batch_sizes)
    assert "Benchmark report" in report_html.page(small)
    assert "How it was measured" in report_markdown.markdown(small)
    assert len(report_table.frame(small)) == len(names)


def test_of_many_classes_those_that_changed_most_are_shown(report: Report) -> None:
    changed = tuple(float(-index) for index in range(30))
    models = tuple(
        model if model.change is None else replace(model, change=replace(model.change, class_points=changed))
        for model in report.models
    )
    measured = replace(report.measurements, classes=tuple(map(str, range(30))), models=models)
    many = replace(report, measurements=measured)
    assert report_sections.shown_classes(many) == list(range(10, 30))


def test_each_figure_is_one_svg_document_and_the_same_each_time(report: Report) -> None:
    for draw in (accuracy.draw, confusion.draw, plot_latency.draw):
        drawn = draw(report)
        assert drawn is not None
        assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
        assert draw(report) == drawn


def test_reading_a_report_loads_neither_torch_nor_a_plot_library(report: Report, tmp_path: Path) -> None:
    report_table.write(report, tmp_path)
    script = (
        "import sys, pathlib; from compression_ops.report import files as report_files; "
        "report_files.read_frame(pathlib.Path(sys.argv[1])); print(*sys.modules)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "pandas" in loaded
    assert not {"torch", "onnxruntime", "matplotlib", "scipy"} & set(loaded)
