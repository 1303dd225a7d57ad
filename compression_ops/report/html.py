"""report.html: the report as one page that needs nothing but itself: no script, no font, no file from elsewhere."""

import base64
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from compression_ops import quantities
from compression_ops.metric import WORDS
from compression_ops.report import class_sections, decision_sections, precision_sections, seed_sections
from compression_ops.report import files as report_files
from compression_ops.report import sections as report_sections
from compression_ops.report.comparison import cards
from compression_ops.report.contents import Report, recommended
from compression_ops.report.explained import calibration, class_changes, footprints, layer_noise
from compression_ops.report.plots import accuracy as plot_accuracy
from compression_ops.report.plots import calibration as plot_calibration
from compression_ops.report.plots import confusion, decisions, style
from compression_ops.report.plots import latency as plot_latency
from compression_ops.report.plots import precision as plot_precision

# The templates are part of this module: the closure of a stage's code counts the files named here.
RESOURCES = ("templates/report.html", "templates/flips.html")


@dataclass(frozen=True)
class Figure:
    """source: a data URI; guide: how to read the figure; alternative: what it shows, for who cannot see it."""

    title: str
    source: str
    guide: str
    alternative: str


def write(report: Report, folder: Path) -> None:
    """Write `report.html`."""
    (folder / report_files.PAGE).write_text(page(report), encoding="utf-8")


def page(report: Report) -> str:
    """The page, from `templates/report.html`."""
    noises, counted = layer_noise.of_report(report), class_changes.of_report(report)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(RESOURCES[0]).render(
        recommended=recommended(report),
        choice=report_sections.choice(report),
        headline=report_sections.headline(report),
        cards=_cards(report),
        summary=report_sections.summary(report),
        warnings=report_sections.warnings(report),
        verdicts=report_sections.verdicts(report),
        distillation=[*seed_sections.sentences(report), *report_sections.distillation(report)],
        seeds=seed_sections.table(report),
        colors={model.name: style.look(model.role)[1] for model in report.models},
        depths={model.name: model.depth for model in report.models},
        figures=_figures(report),
        changed=cards.of_report(report),
        precision=precision_sections.sentences(report),
        precision_tables=precision_sections.tables(report),
        noise=layer_noise.sentences(noises),
        noise_tables=layer_noise.tables(noises),
        lost=class_changes.sentences(counted, report.classes),
        lost_tables=class_changes.tables(counted, report.classes),
        tables=_tables(report),
        targets=[table for table in (report_sections.targets(report), footprints.table(report)) if table],
        class_tables=[class_sections.by_class(report), *class_sections.confusions(report)],
        classes=report_sections.classes(report),
        class_changes=_class_changes(report),
        conditions=report_sections.conditions(report),
    )


def _tables(report: Report) -> list[report_sections.Table]:
    """Those of one row a model."""
    trusted = calibration.table(calibration.of_report(report), report.digits)
    return [
        report_sections.quality(report),
        *((trusted,) if trusted else ()),
        class_sections.averages(report),
        report_sections.cost(report),
        report_sections.latency(report),
    ]


def _cards(report: Report) -> list[tuple[str, str, str]]:
    """(what, number, beside it) of the model to look at first."""
    model = recommended(report)
    teacher = next(other for other in report.models if other.name == model.teacher)
    batch_size, digits, score = report.conditions.sizes[0], report.digits, model.quality.of(report.metric)
    latency, teacher_latency = report.latency[model.name, batch_size], report.latency[teacher.name, batch_size]
    interval = f"{100 * score.low:.{digits}f} to {100 * score.high:.{digits}f} %"
    before = quantities.percent(report.score(teacher), digits)
    return [
        (
            f"Test {WORDS[report.metric]}",
            quantities.percent(score.value, digits),
            f"95 % interval {interval}; teacher {before}",
        ),
        ("File", quantities.size(model.cost.file_bytes), f"teacher {quantities.size(teacher.cost.file_bytes)}"),
        _card(quantities.smaller(model.compression_ratio), "by file size, than the teacher"),
        (
            f"Latency, batch {batch_size}",
            quantities.duration(latency.p50_us),
            f"median; teacher {quantities.duration(teacher_latency.p50_us)}",
        ),
        _card(quantities.faster(report.speedup(model)), "by median latency, than the teacher"),
    ]


def _card(compared: str, words: str) -> tuple[str, str, str]:
    """`24.1× smaller` as what it is called, how much it is, and beside what."""
    ratio, _, word = compared.partition(" ")
    return word.capitalize(), ratio, words


def _class_changes(report: Report) -> list[list[float]]:
    """For each cell of the classes table after its first column, the change in points, 0 where there is none."""
    return [
        [(model.change.class_points[index] or 0.0) if model.change else 0.0 for model in report.models]
        for index in report_sections.shown_classes(report)
    ]


def _figures(report: Report) -> list[Figure]:
    figures = [
        (
            "Accuracy against size and latency",
            plot_accuracy.draw(report),
            "Up and to the left is better. A filled point is on the Pareto front (dashed): no other model is at least "
            "as accurate at no greater cost. A vertical bar is the 95 % interval of the accuracy; models whose bars "
            "overlap may still differ, which the paired p-value in the table decides.",
        ),
        (
            "What is confused more, or less, than by the teacher",
            confusion.draw(report),
            "Each cell counts test samples: this model's confusion matrix less its teacher's. Red is worse, blue is "
            "better: a red cell off the diagonal is a confusion that became more frequent, a red one on the diagonal a "
            "class that is less often right. White is unchanged.",
        ),
        (
            "Whether probabilities can be trusted",
            plot_calibration.draw(report),
            "Each point is the test samples that the model was about as sure of: on the diagonal it is right as often "
            "as it says, below it is too sure, above too modest. The larger a point, the more samples. ECE is the mean "
            "distance from the diagonal, by samples.",
        ),
        (
            "Accuracy against bytes of weights, as bits were chosen",
            plot_precision.draw(report),
            "Each point is a model that the search went through, numbered as in the table of its steps; on the right "
            "all layers have 8 bits, and the filled one was chosen. Dashed: the accuracy of the float student on the "
            "validation split; dotted: the least that was allowed.",
        ),
        (
            "Latency distribution",
            plot_latency.draw(report),
            "The shape is the density of the timed calls, on a logarithmic scale. Dot: median; shorter tick: 95th "
            "percentile; longer tick: 99th. The slowest 0.5 % of calls are not drawn.",
        ),
    ]
    return [
        *(Figure(title, _data_uri(drawn), guide, title) for title, drawn, guide in figures if drawn is not None),
        *_decisions(report),
    ]


def _decisions(report: Report) -> list[Figure]:
    drawn = {model: decisions.draw(report, model) for model in decision_sections.models(report)}
    return [
        Figure(
            f"How {model} decides",
            _data_uri(svg),
            decision_sections.GUIDE,
            decision_sections.description(report, model),
        )
        for model, svg in drawn.items()
        if svg is not None
    ]


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
