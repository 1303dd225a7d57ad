"""How long one tick of automation takes: with nothing to do, and after an edit of the teacher.

    python benchmarks/automation_tick.py --home FOLDER [--recipe many] [--ticks 3]

FOLDER is the one that `many_assets.py --home FOLDER` has filled. Definitions are loaded before the clock starts, as in
a code location; the tick is Dagster's own evaluation of every asset's condition on the home's instance, from the cursor
of the tick before. Beside it stands Dagster's own condition `eager` on the same graph.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import dagster as dg
import many_assets


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--recipe", default="many")
    parser.add_argument("--ticks", type=int, default=3)
    arguments = parser.parse_args()
    os.environ |= many_assets.environment(arguments.home.resolve())
    from pipelines.orchestration import assets
    from pipelines.orchestration import instance as instances
    from pipelines.pipeline import Pipeline

    pipeline = Pipeline.open(arguments.recipe)
    with instances.opened(pipeline.home) as instance:
        ours = assets.definitions(pipeline)
        condition = dg.AutomationCondition.eager()
        specs = [dg.AssetSpec(item.key, deps=item.deps) for item in ours.resolve_all_asset_specs()]
        eager = dg.Definitions([item.replace_attributes(automation_condition=condition) for item in specs])
        print(f"{len(pipeline.graph.assets)} assets")
        for name, definitions in {"ours": ours, "Dagster's eager": eager}.items():
            requested, seconds = _ticks(definitions, instance, arguments.ticks)
            print(f"{name:20} a tick {seconds:.2f} s, requests {requested}")


def _ticks(definitions: dg.Definitions, instance: dg.DagsterInstance, number: int) -> tuple[int, float]:
    """What the last of some ticks requests, and their median seconds; a first one, without a cursor, is not counted."""
    cursor: Any = None
    seconds: list[float] = []
    requested = 0
    for _ in range(number + 1):
        started = time.perf_counter()
        result = dg.evaluate_automation_conditions(defs=definitions, instance=instance, cursor=cursor)
        seconds.append(time.perf_counter() - started)
        cursor, requested = result.cursor, result.total_requested
    return requested, statistics.median(seconds[1:])


if __name__ == "__main__":
    main()
