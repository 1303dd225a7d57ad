"""The report draws how a network decides and says the same in words."""

import base64
import html
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from compression_ops.evaluation.decisions.decision import LEVELS, Decision, Node
from compression_ops.report import decision_sections
from compression_ops.report import html as report_html
from compression_ops.report import markdown as report_markdown
from compression_ops.report.contents import Report
from compression_ops.report.plots import decisions
from tests.compression_ops import example_report

MODEL = "student/small"


def decision(depth: int = 2, channels: int = 1, label: int = 1, predicted: int = 2) -> Decision:
    rights = [0.975, 0.125, *[0.5] * depth][:depth]
    filters = np.linspace(-LEVELS, LEVELS, depth * channels * 6 * 5).reshape(depth, channels, 6, 5)
    return Decision(
        model=MODEL,
        sample=17,
        label=label,
        predicted=predicted,
        confidence=0.875,
        nodes=tuple(Node(right, right >= 0.5, 1.5) for right in rights),
        leaf=2,
        reached=0.853,
        distribution=(0.0, 0.1, 0.2, 0.7),
        image=np.zeros((channels, 6, 5), dtype=np.uint8),
        filters=filters.round().astype(np.int8),
    )


def report(*found: Decision) -> Report:
    plain = example_report.report()
    return replace(plain, measurements=replace(plain.measurements, decisions=found))


def pictures(svg: str) -> int:
    return len(re.findall("<image ", svg))


@pytest.mark.parametrize(("depth", "channels"), [(1, 1), (8, 1), (12, 1), (2, 3), (2, 2), (9, 5)])
def test_each_sample_and_each_node_has_a_picture_whatever_depth_and_channels(depth: int, channels: int) -> None:
    shown = report(decision(depth, channels), decision(depth, channels, predicted=1))
    drawn = decisions.draw(shown, MODEL)
    assert drawn is not None
    assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    assert pictures(drawn) == 2 * (1 + depth)
    assert decisions.draw(shown, MODEL) == drawn


def test_without_decisions_nothing_is_drawn_or_said() -> None:
    assert decisions.draw(report(), MODEL) is None
    assert f"How {MODEL} decides" not in report_html.page(report())
    assert f"How {MODEL} decides" not in report_markdown.markdown(report())


def test_zero_is_white_and_the_two_directions_have_two_colours() -> None:
    colors = decisions.LEFT_RIGHT([0.0, 0.5, 1.0])[:, :3]
    assert colors[1] == pytest.approx([1, 1, 1], abs=0.01)
    assert colors[0][0] > colors[0][2]
    assert colors[2][2] > colors[2][0]


def test_markdown_says_the_way_in_words() -> None:
    text = report_markdown.markdown(report(decision()))
    row = next(line for line in text.splitlines() if line.startswith("| 17 |"))
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    assert cells == [
        "17",
        "dog\\|wolf",
        "\\<b>owl\\</b> (87.5 %)",
        "right 0.97, left 0.12",
        "2",
        "85.3 %",
        "eel (70.0 %)",
    ]


def test_the_page_shows_the_figure_and_tells_it_to_who_cannot_see_it() -> None:
    shown = report(decision())
    page = report_html.page(shown)
    sources = re.findall(r"data:image/svg\+xml;base64,([^\"]*)", page)
    assert sum(pictures(base64.b64decode(source).decode()) == 3 for source in sources) >= 1
    told = decision_sections.description(shown, MODEL)
    assert "answered <b>owl</b> (wrong), 87.5 %" in told
    assert told in [html.unescape(alt) for alt in re.findall(r'alt="([^"]*)"', page)]
    assert "<b>owl</b>" not in page
    assert page.count(f"<h2>How {MODEL} decides</h2>") == 1


def test_of_many_classes_the_leaf_shows_the_likeliest() -> None:
    names = tuple(f"class number {index}" for index in range(40))
    shares = tuple(np.full(40, 1 / 40))
    plain = example_report.report()
    measured = replace(plain.measurements, classes=names, decisions=(replace(decision(), distribution=shares),))
    assert decisions.draw(replace(plain, measurements=measured), MODEL) is not None
