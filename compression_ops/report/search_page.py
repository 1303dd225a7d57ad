"""The trials of a search as one HTML page that needs nothing but itself: its plot, and a table of its best trials."""

from collections.abc import Mapping, Sequence
from html import escape

from compression_ops.report.plots import search
from compression_ops.report.plots.search import Point

__all__ = ["Point", "html"]

_STYLE = (
    "body{margin:32px auto;max-width:1160px;padding:0 24px;color:#1f2328;font:15px/1.55 system-ui,sans-serif}"
    "h1{font-size:24px}.scroll{overflow-x:auto}th:first-child{white-space:nowrap}td{white-space:nowrap}svg{width:100%;height:auto}table{border-collapse:collapse;font-size:14px}"
    "th,td{padding:6px 10px;border-bottom:1px solid #d8dee4;text-align:right}"
    "th:first-child,td:first-child{text-align:left}"
)


def html(title: str, objectives: Mapping[str, str], points: Sequence[Point]) -> str:
    """The page of the trials that came to their end, with {number: `maximize` or `minimize`}."""
    asked = ", ".join(f"{direction} {name}" for name, direction in objectives.items())
    drawn = search.draw(objectives, points) if points else "<p>No trial came to its end.</p>"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Search: {escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>Search: {escape(title)}</h1><p>{escape(asked)}</p>"
        f"{drawn[drawn.find('<svg') :] if points else drawn}{_table([point for point in points if point.is_best])}"
        "</body></html>\n"
    )


def _table(points: Sequence[Point]) -> str:
    if not points:
        return "<p>No trial keeps all constraints.</p>"
    heads = ["best", *(name.replace("_", " ") for name in (*points[0].numbers, *points[0].settings))]
    rows = [
        [point.name, *(f"{value:.6g}" for value in point.numbers.values()), *point.settings.values()]
        for point in points
    ]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
