"""All assets of a run in the process that executes it, one after the other: importing torch and MLflow takes seconds.

Trainings that keep one core busy begin before their turn in others (`execution/side_by_side`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.orchestration.executors.executor import Executor

if TYPE_CHECKING:
    import dagster as dg


def definition(settings: Mapping[str, Any]) -> "dg.ExecutorDefinition":
    """Dagster's own, of which none of the settings is ours to offer: a command executes a run without it."""
    import dagster as dg

    return dg.in_process_executor


EXECUTOR = Executor("process", definition)
