"""Runs rows of the truth table in a copy of the project: edit, run through Dagster, note what was computed, revert.

    python -m tests.pipelines.execution.truth_table.runs rows.json results.json     (in the copy: it is imported)

Each row edits the recipe, or one module of `compression_ops`, from the same starting point: several places, if they are
to be tried at once. Its revert, which must compute nothing, is run together with the next row's edit; alone after the
last row, and where a row promoted another champion. A row that names assets in `select` computes those alone.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.commands import run as runner
from pipelines.orchestration import instance
from pipelines.pipeline import Pipeline
from pipelines.state import home
from pipelines.state.history import History


def main() -> None:
    """Run all rows of a file and write {row: {computed, changed, again, failed, promoted}}, with `reverted` of some.

    `changed` is what was computed and came out otherwise than at the start.
    """
    rows = json.loads(Path(sys.argv[1]).read_text())
    in_memory = dg.DagsterInstance.ephemeral()
    instance.opened = lambda _: nullcontext(in_memory)  # type: ignore[assignment]
    start = _run()
    if start["failed"]:
        raise RuntimeError(f"the start: {start}")
    known = _digests()
    results: dict[str, Any] = {}
    for name, row in rows.items():
        path = Path(row["file"])
        before = path.read_text()
        try:
            path.write_text(_edited(before, row, name))
            done = _run(row["select"])
            digests = _digests()
            changed = [asset for asset in done["computed"] if digests[asset] != known.get(asset)]
            promoted = "champion" in done["computed"] and _promoted()
            again = _run(row["select"])
        finally:
            path.write_text(before)
        results[name] = {**done, "again": again["computed"], "promoted": promoted, "changed": changed}
        if promoted or name == list(rows)[-1]:
            results[name]["reverted"] = _run()["computed"]
        sys.stderr.write(f"{name}: {done['computed']}\n")
    Path(sys.argv[2]).write_text(json.dumps(results, indent=1))


def _promoted() -> bool:
    """Whether the newest decision made another model the champion."""
    decided = History(home.current().history).latest("tiny", "champion")
    return decided is not None and decided.metrics["promoted"] == 1


def _digests() -> dict[str, str]:
    """{asset: digest of what was computed of it last}."""
    history = History(home.current().history)
    latest = {asset: history.latest("tiny", asset) for asset in Pipeline.open("tiny").graph.assets}
    return {asset: entry.digest for asset, entry in latest.items() if entry is not None}


def _edited(text: str, row: dict[str, Any], name: str) -> str:
    if "append" in row:
        return text + row["append"]
    for old, new in row["edits"]:
        if text.count(old) != 1:
            raise ValueError(f"{name}: {old!r} stands {text.count(old)} times in {row['file']}")
        text = text.replace(old, new)
    return text


def _run(patterns: Sequence[str] = ()) -> dict[str, Any]:
    report = runner.run(Pipeline.open("tiny"), patterns)
    return {
        "computed": report.named("computed"),
        "failed": {item.asset: item.cause for item in report.outcomes if item.outcome in ("failed", "skipped")},
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
