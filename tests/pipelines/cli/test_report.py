"""A report on a terminal of any width: columns give way before names."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from compression_ops.report import json_file, markdown, table
from pipelines.cli import report
from pipelines.cli.benchmark import report_tables
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import Terminal
from tests.compression_ops import example_report

_WIDTHS = [40, 60, 80, 120, 200]
_LONG = "quantized_student/a_rather_long_name_of_a_model"
_SUMMARY = [
    "Test accuracy", "File", "Smaller", "Latency batch 1", "Faster", "Verdict", "Change", "p", "Parameters",
]  # fmt: skip


def _terminal(width: int, encoding: str = "utf-8") -> Terminal:
    return Terminal(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=width)


def _printed(console: Terminal) -> str:
    assert isinstance(console.file, io.TextIOWrapper)
    console.file.flush()
    console.file.seek(0)
    return console.file.read()


@pytest.fixture(scope="module", params=["quantized_student/int8", _LONG])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any, str]:
    """The frame, the JSON and the Markdown of the example report, with one model named anew."""
    folder: Path = tmp_path_factory.mktemp("report")
    found = example_report.report()
    json_file.write(found, folder)
    table.write(found, folder)
    frame = pd.read_parquet(folder / "report.parquet").replace("quantized_student/int8", request.param)
    content = (folder / "report.json").read_text(encoding="utf-8").replace("quantized_student/int8", request.param)
    return frame, json.loads(content), markdown.markdown(found).replace("quantized_student/int8", request.param)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", _WIDTHS)
def test_a_report_fits_and_cuts_no_name(width: int, encoding: str, written: tuple[pd.DataFrame, Any, str]) -> None:
    console = _terminal(width, encoding)
    report.show(console, *written)
    text = _printed(console)
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert "…" not in text
    assert "..." not in text
    names = set(written[0]["model"])
    lines = [line.rstrip() for line in text.splitlines()]
    for name in names:
        if len(name) <= width:
            # The short table, quality, cost, and two tables of latency.
            assert sum(line.split("  ")[0] == name for line in lines) >= 5
        else:
            assert text.replace("\n", "").count(name) >= 5
    for section in ("Verdicts", "What distillation gained", "Quality", "Cost", "Accuracy by class", "dog|wolf"):
        assert section in text
    assert "Example *CPU*, 2 logical cores" in " ".join(text.split())


@pytest.mark.parametrize("width", _WIDTHS)
def test_every_column_of_the_short_table_is_shown_whole_or_named(
    width: int, written: tuple[pd.DataFrame, Any, str]
) -> None:
    console = _terminal(width)
    section = report_tables.summary(report_tables.rows(written[0]))
    lines, left_out = layout.lay(console, section.names, section.columns)
    assert [column.head for column in section.columns] == _SUMMARY
    text = "\n".join(line.plain for line in lines)
    for column in section.columns:
        numbers = [cell for cell in column.cells if isinstance(cell, str) and len(cell) > 1]
        if column.head in left_out:
            assert column.head in _notice(width, section)
        else:
            assert all(number in text for number in numbers), column.head
    assert "Test accuracy" not in left_out
    assert ("Change" in left_out) == ("p" in left_out)
    assert ("File" in left_out) == ("Smaller" in left_out)
    if width == 200:
        assert left_out == []


def _notice(width: int, section: report_tables.Section) -> str:
    """The line that names what is not shown."""
    console = _terminal(width)
    layout.show(console, section.names, section.columns)
    _, _, notice = _printed(console).partition("not shown at this width: ")
    return " ".join(notice.split())


def test_eighty_columns_hold_what_the_common_names_allow(written: tuple[pd.DataFrame, Any, str]) -> None:
    section = report_tables.summary(report_tables.rows(written[0]))
    _, left_out = layout.lay(_terminal(80), section.names, section.columns)
    is_long = _LONG in set(written[0]["model"])
    assert left_out == (_SUMMARY[3:] if is_long else ["Change", "p", "Parameters"])
    assert "Parent: of a student what taught it, of a control its student" in section.note


@pytest.fixture(scope="module", params=["accuracy", "f1_macro"])
def unbalanced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any, str]:
    """The report, as JSON and on a terminal of 80 columns, of test samples of which seven tenths are of one class."""
    labels = np.repeat([0, 1, 2, 3], [280, 60, 40, 20])
    predicted = {name: labels.copy() for name in example_report.PARENTS}
    for name, wrong in example_report.WRONG.items():
        predicted[name][:wrong] = 1
    predicted["quantized_student/int4"][:] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_report, "LABELS", labels)
        by_wrong = {wrong: predicted[name] for name, wrong in example_report.WRONG.items()}
        patch.setattr(example_report, "logits", lambda wrong: np.eye(4, dtype=np.float32)[by_wrong[wrong]])
        found = replace(example_report.report(), metric=request.param)
    folder: Path = tmp_path_factory.mktemp("unbalanced")
    json_file.write(found, folder)
    table.write(found, folder)
    content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    console = _terminal(80)
    report.show(console, pd.read_parquet(folder / "report.parquet"), content, markdown.markdown(found))
    return request.param, content, _printed(console)


def test_of_unbalanced_classes_a_terminal_tells_each(unbalanced: tuple[str, Any, str]) -> None:
    metric, content, text = unbalanced
    assert all(len(line) <= 80 for line in text.splitlines())
    model = content["models"][content["recommended"]]
    for section in ("Every class counted the same", "By class, ", "Warnings"):
        assert section in text
    averages = text.partition("Every class counted the same")[2].partition("\n\n")[0]
    for column in ("test_balanced_accuracy", "test_f1_macro"):
        found = {end: f"{100 * model[column][end]:.1f}" for end in ("value", "low", "high")}
        assert f"{found['value']} % ({found['low']} to {found['high']})" in averages
    words = " ".join(text.split())
    assert "quantized_student/int4: hardly beats looking at no sample: always answering 'cat' has an accuracy" in words
    head = text.splitlines()[1].split()[:3]
    assert head == (["Model", "accuracy", "File"] if metric == "accuracy" else ["Model", "F1", "File"])
    assert "Verdict" in text.splitlines()[1]


def test_a_balanced_report_is_as_short_as_it_was(written: tuple[pd.DataFrame, Any, str]) -> None:
    console = _terminal(80)
    report.show(console, *written)
    text = _printed(console)
    assert not any(section in text for section in ("Every class counted", "By class, ", "Most confused", "Warnings"))


def test_a_report_of_an_earlier_version_is_still_shown(written: tuple[pd.DataFrame, Any, str]) -> None:
    """Without what came with other metrics than accuracy."""
    frame, content, words = written
    new = [name for name in frame.columns if "balanced" in name or "f1" in name or name == "roc_auc"]
    models = {
        name: {
            **{key: value for key, value in model.items() if "f1" not in key and "balanced" not in key},
            "change": _earlier(model["change"]),
            "distillation": _earlier(model["distillation"]),
        }
        for name, model in content["models"].items()
    }
    for model in models.values():
        del model["hardly_better"]
    earlier = {key: value for key, value in content.items() if key not in ("metric", "majority_class")}
    console = _terminal(80)
    report.show(console, frame.drop(columns=new), {**earlier, "models": models}, words)
    assert "What distillation gained" in _printed(console)


def _earlier(change: dict[str, Any] | None) -> dict[str, Any] | None:
    return change and {key: value for key, value in change.items() if key != "class_averaged"}
