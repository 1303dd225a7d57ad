"""The page of a search: every trial is a point, the best are listed, and nothing is loaded from elsewhere."""

import re
import xml.etree.ElementTree as ElementTree

from compression_ops.report import search_page
from compression_ops.report.plots import search
from compression_ops.report.plots.search import Point

_BOTH = {"student/small.validation_accuracy": "maximize", "quantized_student/int8.file_bytes": "minimize"}


def _points(objectives: dict[str, str]) -> list[Point]:
    accuracy, size = (list(objectives) * 2)[:2]
    return [
        Point("trial 0", {accuracy: 0.9, size: 900.0}, {"bits": "8"}, is_best=True),
        Point("trial 1", {accuracy: 0.8, size: 500.0}, {"bits": "4"}, is_best=True),
        Point("trial 2", {accuracy: 0.7, size: 800.0}, {"bits": "<6>"}),
        Point("trial 3", {accuracy: 0.95, size: 100.0}, {"bits": "2"}, is_feasible=False),
    ]


def _circles(svg: str) -> int:
    """Marks that matplotlib draws, one of each scatter."""
    root = ElementTree.fromstring(svg)
    groups = [item for item in root.iter() if (item.get("id") or "").startswith("PathCollection")]
    return len(groups)


def test_every_trial_is_a_point_in_each_panel() -> None:
    assert _circles(search.draw(_BOTH, _points(_BOTH))) == 4
    three = {**_BOTH, "teacher.validation_loss": "minimize"}
    points = [
        Point(point.name, {**point.numbers, "teacher.validation_loss": 1.0}, point.settings) for point in _points(_BOTH)
    ]
    assert _circles(search.draw(three, points)) == 8


def test_one_objective_is_drawn_as_its_course_and_drawn_again_the_same() -> None:
    one = {"student/small.validation_accuracy": "maximize"}
    points = [Point(f"trial {n}", {"student/small.validation_accuracy": n / 10}, is_best=n == 3) for n in range(4)]
    drawn = search.draw(one, points)
    assert _circles(drawn) == 4
    assert drawn == search.draw(one, points)


def test_the_page_lists_the_best_escapes_what_it_shows_and_loads_nothing() -> None:
    page = search_page.html("a & b", _BOTH, _points(_BOTH))
    assert "Search: a &amp; b" in page
    body = page[page.index("<tbody>") :]
    assert re.findall(r"<td>(trial \d)</td>", body) == ["trial 0", "trial 1"]
    assert "<6>" not in page
    assert not re.findall(r"(?:src|href)=\"http", page.replace('xlink:href="http', ""))
    assert "<script" not in page


def test_a_search_whose_trials_all_failed_has_a_page_too() -> None:
    page = search_page.html("tiny", _BOTH, [])
    assert "No trial came to its end." in page
    assert "No trial keeps all constraints." in page
