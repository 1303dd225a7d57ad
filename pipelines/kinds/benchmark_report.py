"""The benchmark report: measurements as tables, plots and sentences."""

from collections.abc import Iterator
from pathlib import Path

from compression_ops.metric import WORDS, Metric, columns
from compression_ops.report import files
from compression_ops.report.limits import Limits
from compression_ops.stages.benchmark_report import BenchmarkReport
from pipelines.graph.asset import Asset
from pipelines.kinds.kind import Kind, Page
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Materialization


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One. It is made anew with every measurement: latencies are no part of what measurements are known by."""
    yield Asset(
        name="benchmark_report",
        kind="benchmark_report",
        parameters=recipe.benchmark.part(Limits).part(BenchmarkReport, metric=recipe.metric),
        inputs=("measurements",),
        origins={"": "benchmark", "metric": "metric"},
        exact_inputs=("measurements",),
    )


def headline(entry: Materialization) -> str:
    """`quantized_student/int8: test accuracy 98.96%, 32.6 times smaller, 1.8 times faster than the teacher`."""
    metric = _judged_by(entry)
    model, _, column = next(iter(entry.metrics)).rpartition(".")
    number = {name.rpartition(".")[2]: value for name, value in entry.metrics.items() if name.startswith(f"{model}.")}
    small = _times(number["compression_ratio"], "smaller", "larger")
    fast = _times(number["speedup_ratio"], "faster", "slower")
    return f"{model}: test {WORDS[metric]} {number[column]:.2%}, {small}, {fast} than the teacher"


def _times(ratio: float, more: str, less: str) -> str:
    return f"{1 / ratio:.3g} times {less}" if 0 < ratio < 1 else f"{ratio:.3g} times {more}"


def page(folder: Path, entry: Materialization) -> Page:
    """The report itself: in Markdown, as a table, and its HTML page one click away."""
    rows = [{str(name): value for name, value in row.items()} for row in files.read_frame(folder).to_dict("records")]
    column = columns(_judged_by(entry)).value
    return Page(
        {"report": files.read_markdown(folder)}, entry.metrics, [_first(row, column) for row in rows], files.PAGE
    )


def _judged_by(entry: Materialization) -> Metric:
    return entry.parameters.get("metric", "accuracy")  # entries of earlier versions have none


def _first(row: dict[str, object], column: str) -> dict[str, object]:
    """The columns that decide stand first: a page of Dagster's shows few without scrolling."""
    latency = next(name for name in row if name.startswith("latency_p50_us"))
    leading = ("model", column, "compression_ratio", "speedup_ratio", "passed", "file_bytes", latency)
    return {name: row[name] for name in (*leading, *(name for name in row if name not in leading))}


KIND = Kind(
    description="The measurements as tables, plots and sentences, judged by what was asked of the quantized students.",
    badges=("pandas", "report"),
    assets=assets,
    headline=headline,
    page=page,
    ages=True,
)
