"""Settings of the environment that are wrong, told before a command does anything with them."""

import os

from compression_ops.data.storage import memory
from pipelines.execution import device
from pipelines.orchestration import notifier
from pipelines.orchestration.executors import configuration, executor, needs
from pipelines.retention import settings

_OF_EXECUTORS = (executor.SETTING, configuration.WORKERS, configuration.FILE, needs.SETTING)


def require() -> None:
    """Raise CompressionError for the first that is wrong. What is not set is not looked at, which costs nothing."""
    memory.check()
    notifier.check()
    settings.is_yes(settings.KEEP_LAST_GOOD, default=True)
    is_elsewhere = False
    if any(os.environ.get(name) for name in _OF_EXECUTORS):
        is_elsewhere = executor.check().place == "cluster"
    if not is_elsewhere and device.stated() not in ("auto", "cpu"):
        device.check()
