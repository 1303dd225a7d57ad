"""What the report tells of layers, of classes that lost and of calibration: in each of its forms."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compression_ops.evaluation import measurements
from compression_ops.onnx_model.layers.noise import LayerNoise, Noise
from compression_ops.report import html, json_file, markdown
from compression_ops.report.contents import Report
from compression_ops.report.explained import calibration, class_changes, layer_noise
from compression_ops.report.plots import calibration as plot
from pipelines.cli.benchmark import explained_tables
from tests.compression_ops import example_report

_INT8 = "quantized_student/int8"
_NOISE = Noise(
    (
        LayerNoise("stem|1", "Conv", "int8", 39.456, 0.32),
        LayerNoise("head", "Gemm", "packed in 4 bits", 20.0, 0.68),
        LayerNoise("free", "Gemm", None, float("inf"), 0.0),
    ),
    212,
)


@pytest.fixture(scope="module")
def report() -> Report:
    found = example_report.report()
    models = tuple(replace(each, noise=_NOISE if each.name == _INT8 else None) for each in found.models)
    return replace(found, measurements=replace(found.measurements, models=models))


def test_a_quantized_student_tells_the_noise_of_each_layer_and_which_to_keep(report: Report) -> None:
    ((name, words),) = layer_noise.sentences(layer_noise.of_report(report))
    assert name == _INT8
    assert words == "Most is lost in head (68 % of the added noise): keep it at a higher precision first."
    (table,) = layer_noise.tables(layer_noise.of_report(report))
    assert table.rows == (
        ("stem|1", "39.5 dB", "32 %", "int8"),
        ("head", "20.0 dB", "68 %", "packed in 4 bits"),
        ("free", "∞ dB", "0 %", "–"),
    )
    assert "212 validation samples" in table.note


def test_of_layers_that_add_no_noise_it_is_said() -> None:
    exact = Noise((LayerNoise("only", "Gemm", "int8", float("inf"), 0.0),), 10)
    assert layer_noise.sentences([("m", exact)]) == [("m", "No layer adds any noise, so none asks for more bits.")]


def test_a_layer_without_signal_is_told_beside_the_others() -> None:
    """Two alone and with another; and layers that are no noisier than what they are given."""
    dead = tuple(LayerNoise(name, "Gemm", "int8", -math.inf, 0.0) for name in ("dead", "gone"))
    cannot = "ow much dead, gone lost cannot be told, whose outputs are all 0 before quantization and not after."
    assert layer_noise.sentences([("m", Noise(dead, 10))]) == [("m", f"H{cannot}")]
    ((_, words),) = layer_noise.sentences([("m", Noise((*dead, *_NOISE.layers), 10))])
    assert words == f"Most is lost in head (68 % of the added noise): keep it at a higher precision first; h{cannot}"
    quiet = Noise((LayerNoise("only", "Gemm", "int8", 30.0, 0.0),), 10)
    assert "No layer's output has more noise than its input" in layer_noise.sentences([("m", quiet)])[0][1]


def test_classes_that_lost_stand_with_what_is_said_instead(report: Report) -> None:
    """Of the last 9 samples int8 has all wrong, its student 8: the ninth is an eel, taken for the next class, a cat."""
    told = dict(class_changes.sentences(class_changes.of_report(report), report.classes))
    assert told.keys() == {"student/small", _INT8, "quantized_student/int4"}, "the control is there to compare with"
    assert told[_INT8] == (
        "1 of 4 classes lost accuracy against student/small, most eel: −1.0 points on 100 samples, taken for cat (+1)."
    )
    tables = {table.title: table for table in class_changes.tables(class_changes.of_report(report), report.classes)}
    assert tables[f"Classes on which {_INT8} lost"].rows == (("eel", "98.0 %", "97.0 %", "−1.0", "100", "cat +1"),)
    small = tables["Classes on which student/small lost"]
    assert [row[0] for row in small.rows] == list(example_report.CLASSES)


def test_a_model_of_which_no_class_lost_has_a_sentence_and_no_table(report: Report) -> None:
    parent, own = np.array([[3, 1], [0, 4]]), np.array([[4, 0], [0, 4]])
    models = [
        class_changes.Counted("teacher", "teacher", None, parent),
        class_changes.Counted("student/small", "student", "teacher", own),
    ]
    assert class_changes.sentences(models, ("a", "b")) == [("student/small", "no class lost accuracy against teacher.")]
    assert class_changes.tables(models, ("a", "b")) == []


def test_calibration_tells_how_much_too_sure_each_model_is(report: Report) -> None:
    """Each says one class with exp(5) / (exp(5) + 3) = 98.02 %: the teacher has 99 %, the student 98 % right."""
    table = calibration.table(calibration.of_report(report), 2)
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    right, wrong = -np.log(np.exp(5) / (np.exp(5) + 3)), -np.log(1 / (np.exp(5) + 3))
    nll = {name: right + share * (wrong - right) for name, share in (("teacher", 0.01), ("student/small", 0.02))}
    assert rows["teacher"] == ("0.98 %", "–", "98.02 %", "99.00 %", "−0.98", f"{nll['teacher']:.4f}", "–")
    change = nll["student/small"] - nll["teacher"]
    assert rows["student/small"] == (
        ("0.02 %", "−0.96", "98.02 %", "98.00 %", "+0.02", f"{nll['student/small']:.4f}", f"+{change:.4f}")
    )
    assert plot.draw(report) == plot.draw(report)


def test_all_of_it_stands_in_markdown_and_on_the_page(report: Report) -> None:
    text, page = markdown.markdown(report), html.page(report)
    for words in (
        "keep it at a higher precision first.",
        "taken for cat (+1).",
        "What quantization lost",
        "Calibration",
    ):
        assert words in text
        assert words in page
    assert "| stem\\|1 | 39.5 dB | 32 % | int8 |" in text
    assert "<td>39.5 dB</td>" in page
    assert "Whether probabilities can be trusted" in page


def test_a_terminal_shows_it_from_the_json(report: Report, tmp_path: Path) -> None:
    measurements.write(report.measurements, tmp_path)
    again = {model.name: model for model in measurements.read(tmp_path).models}
    assert again[_INT8].noise == replace(_NOISE, layers=(replace(_NOISE.layers[0], decibels=39.46), *_NOISE.layers[1:]))
    assert [model.calibration for model in report.models] == [model.calibration for model in again.values()]
    json_file.write(report, tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    assert explained_tables.noise_sentences(content) == layer_noise.sentences(layer_noise.of_report(report))
    (noise,) = explained_tables.noise(content)
    assert {column.head: column.cells for column in noise.columns}["SQNR"] == ["39.5 dB", "20.0 dB", "∞ dB"]
    told = class_changes.sentences(class_changes.of_report(report), report.classes)
    assert explained_tables.lost_sentences(content) == told
    assert [section.title for section in explained_tables.lost(content)] == [
        table.title for table in class_changes.tables(class_changes.of_report(report), report.classes)
    ]
    (trusted,) = explained_tables.calibration(content, 2)
    assert trusted.names.cells == list(content["models"])


def test_reports_of_earlier_versions_are_shown_without_it(report: Report, tmp_path: Path) -> None:
    json_file.write(report, tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    for model in content["models"].values():
        del model["layer_noise"], model["calibration"]
    assert explained_tables.noise(content) == []
    assert explained_tables.noise_sentences(content) == []
    assert explained_tables.calibration(content, 1) == []
    assert not re.search("NaN|Infinity", json.dumps(content))
