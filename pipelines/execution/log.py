"""What a stage tells while it runs, for the log and for whoever subscribed."""

import time
from collections.abc import Callable

from compression_ops.progress import Progress
from pipelines.execution import progress
from pipelines.graph.asset import Asset

Log = Callable[[str], None]

_INTERVAL = 2.0  # seconds; each line is a row in Dagster's database


def reporter(asset: Asset, log: Log) -> Callable[[Progress], None]:
    """Tells subscribers every step, and the log what ended; not more often than a reader could follow."""
    logged = 0.0

    def report(step: Progress) -> None:
        nonlocal logged
        progress.report(progress.Advanced(asset.name, step))
        if step.metrics and (step.done >= step.total or time.monotonic() - logged >= _INTERVAL):
            logged = time.monotonic()
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in step.metrics.items())
            log(f"{asset.name}: {step.description} {step.done}/{step.total}: {numbers}")

    return report
