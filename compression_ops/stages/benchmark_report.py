"""Stage: the measurements as tables, plots and sentences, judged by what was asked of the quantized students."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from compression_ops.metric import Metric
from compression_ops.progress import Progress
from compression_ops.report.limits import Limits
from compression_ops.stages.stage import Context, StageResult


class BenchmarkReport(Limits):
    """What a quantized student must keep, and by which metric."""

    metric: Metric = Field(default="accuracy", description="By which quantized students are judged.")


def run(parameters: BenchmarkReport, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `report.json`, and `report.parquet`, `report.md` and `report.html`, which also tell latencies: volatile.

    inputs  `measurements`

    A quantized student that fails its limits is a warning, not an error; so is a model that hardly beats always
    answering the largest class.
    """
    from compression_ops.evaluation import measurements
    from compression_ops.report import files, html, json_file, markdown, table
    from compression_ops.report.contents import Report, recommended

    report = Report(measurements.read(inputs["measurements"]), parameters.part(Limits), parameters.metric)
    for part in (json_file, table, markdown, html):
        part.write(report, context.output)
    context.progress(Progress("report written", 1, 1))
    failing = [
        f"{model.name} fails its limits. {verdict.words}"
        for model in report.models
        if (verdict := report.verdicts.get(model.name)) is not None and not verdict.passed
    ]
    useless = [f"{name}: {words}" for name, words in report.hardly_better.items()]
    return StageResult(
        metrics=table.headline(report, recommended(report)),
        warnings=(*failing, *useless),
        volatile=frozenset({files.FRAME, files.MARKDOWN, files.PAGE}),
    )
