"""report.md: the report as Markdown, the short table first."""

import re
from collections.abc import Sequence
from pathlib import Path

from compression_ops.report import class_sections, decision_sections, precision_sections, seed_sections
from compression_ops.report import files as report_files
from compression_ops.report import sections as report_sections
from compression_ops.report.comparison import cards
from compression_ops.report.contents import Report, recommended
from compression_ops.report.explained import calibration, class_changes, footprints, layer_noise
from compression_ops.report.sections import Table


def write(report: Report, folder: Path) -> None:
    """Write `report.md`."""
    (folder / report_files.MARKDOWN).write_text(markdown(report), encoding="utf-8")


def markdown(report: Report) -> str:
    """The short table and the sentences that matter, then details, then how they were measured."""
    model = recommended(report)
    noises, counted = layer_noise.of_report(report), class_changes.of_report(report)
    parts = [
        _table(report_sections.summary(report), title=False),
        f"{report_sections.choice(report)}: **{_escaped(model.name)}**, {_escaped(report_sections.headline(report))}",
        _sentences("Warnings", report_sections.warnings(report)),
        _sentences("Verdicts", [(name, f"{word}. {words}") for name, word, words in report_sections.verdicts(report)]),
        _sentences(
            "What distillation gained", [*seed_sections.sentences(report), *report_sections.distillation(report)]
        ),
        _table(seeds) if (seeds := seed_sections.table(report)) else "",
        *map(_table, decision_sections.tables(report)),
        _sentences("What became otherwise", cards.sentences(report)),
        _sentences("Bits that were chosen", precision_sections.sentences(report)),
        *map(_table, precision_sections.tables(report)),
        _sentences("What quantization lost, layer by layer", layer_noise.sentences(noises)),
        *map(_table, layer_noise.tables(noises)),
        _table(report_sections.quality(report)),
        _table(trusted) if (trusted := calibration.table(calibration.of_report(report), report.digits)) else "",
        _table(report_sections.cost(report)),
        _table(report_sections.latency(report)),
        _table(targets) if (targets := report_sections.targets(report)) else "",
        _table(footprint) if (footprint := footprints.table(report)) else "",
        _table(class_sections.averages(report)),
        _sentences("Classes that lost", class_changes.sentences(counted, report.classes)),
        *map(_table, class_changes.tables(counted, report.classes)),
        _table(report_sections.classes(report)),
        _table(class_sections.by_class(report)),
        *map(_table, class_sections.confusions(report)),
        _sentences("How it was measured", report_sections.conditions(report)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(table: Table, title: bool = True) -> str:
    lines = [_row(table.heads), "|:---|" + "---:|" * (len(table.heads) - 1), *map(_row, table.rows)]
    heading = [f"### {table.title}", ""] if title else []
    return "\n".join([*heading, *lines, "", table.note])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _sentences(title: str, pairs: Sequence[tuple[str, str]]) -> str:
    if not pairs:
        return ""
    return "\n".join([f"### {title}", "", *(f"- **{_escaped(what)}**: {_escaped(text)}" for what, text in pairs)])


def _escaped(text: str) -> str:
    """Names of classes and processors are not ours: they must not end a cell, or start an emphasis, a tag or a link."""
    return " ".join(re.sub(r"[\\|*`[]|<(?=\S)", r"\\\g<0>", text).split())
