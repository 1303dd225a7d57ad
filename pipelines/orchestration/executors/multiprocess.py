"""Each asset in a process of its own on this machine, as many at a time as there are cores.

They are forked from one that has imported what every asset needs, which takes seconds, and that has done nothing else:
it has no threads of torch's, no context of a GPU and no connection that a fork would break.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.orchestration.executors import configuration
from pipelines.orchestration.executors.executor import Executor

if TYPE_CHECKING:
    import dagster as dg

# What every asset needs.
IMPORTED = (
    "pipelines.orchestration.executors.steps.lost",
    "pipelines.orchestration.executors.steps.job",
    "mlflow.store.tracking.sqlalchemy_store",
    "torch._dynamo",  # which any optimizer of torch's imports
    "onnxscript",
    "scipy.stats",
)


def definition(settings: Mapping[str, Any]) -> "dg.ExecutorDefinition":
    """Dagster's own, by which a process that was lost is another try."""
    import dagster as dg

    from pipelines.orchestration.executors.steps import lost

    own = lost.definition("multiprocess", dg.multiprocess_executor, lost.Multiprocess.of)
    stated: dict[str, Any] = {"start_method": {"forkserver": {"preload_modules": list(IMPORTED)}}}
    if most := configuration.workers():
        stated["max_concurrent"] = most
    return own.configured({**stated, **settings}, name="multiprocess")


EXECUTOR = Executor("machine", definition)
