"""Executors of Dagster's, by which an asset whose process was lost is computed again, by another.

Dagster tries such a step again only by a retry policy of its own, which it applies to a step that somebody interrupted,
too (see `retries.again`).
"""

from collections.abc import Callable
from typing import Any, cast

import dagster as dg
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import IStepContext
from dagster._core.execution.plan.objects import StepFailureData, StepRetryData
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.executor import multiprocess
from dagster._core.executor.multiprocess import MultiprocessExecutor
from dagster._core.executor.step_delegating import StepDelegatingExecutor, StepHandler
from dagster._core.log_manager import DagsterLogManager
from dagster._utils.error import SerializableErrorInfo

from pipelines.orchestration import retries

_TRIES = 3
_SHOWN = 400  # characters of what is known of a process that was lost
_OF_A_LOST_PROCESS = ("ChildProcessCrashException", None)  # the names of errors that executors make themselves
_LOOK, _HEALTH = 0.3, 3  # seconds between two looks at the log of a run, and at the processes of its steps


class _Again:
    """What both have in common: what becomes of a step that ended without a word of its own."""

    def log_failure_or_retry_event_after_error(
        self, step_context: IStepContext, err_info: SerializableErrorInfo, known_state: KnownExecutionState
    ) -> DagsterEvent:
        """Another try, or a failure that says what happened."""
        if err_info.cls_name not in _OF_A_LOST_PROCESS:
            return super().log_failure_or_retry_event_after_error(  # type: ignore[misc]
                step_context, err_info, known_state
            )
        tries = known_state.get_retry_state().get_attempt_count(step_context.step.key) + 1
        why = " ".join(err_info.message.split())[-_SHOWN:] if err_info.cls_name is None else ""
        often = f"{tries} times" if tries > 1 else "once"
        words = f"the process that computes it ended {often} without a word (killed, or out of memory?)"
        words += f". {why}" if why else ""
        told = SerializableErrorInfo(words, [], "CompressionError")
        if tries < _TRIES and not step_context.retry_mode.disabled:
            wait = retries.RETRIES.calculate_delay(tries)
            return DagsterEvent.step_retry_event(step_context, StepRetryData(error=told, seconds_to_wait=wait))
        return DagsterEvent.step_failure_event(step_context, StepFailureData(error=told, user_failure_data=None))


def _quiet(instance: dg.DagsterInstance, run: dg.DagsterRun) -> DagsterLogManager:
    """As Dagster makes one for a process before it knows the run's loggers, without a line on the terminal."""
    return DagsterLogManager.create(loggers=[], dagster_run=run, instance=instance)


multiprocess.create_context_free_log_manager = _quiet


class Multiprocess(_Again, MultiprocessExecutor):
    """Processes of this machine."""

    @classmethod
    def of(cls, made: Any) -> "Multiprocess":
        """With the settings of one of Dagster's."""
        return cls(
            retries=made.retries,
            max_concurrent=made._max_concurrent,
            tag_concurrency_limits=made._tag_concurrency_limits,
            start_method=made._start_method,
            explicit_forkserver_preload=made._explicit_forkserver_preload,
            step_dependency_config=made.step_dependency_config,
        )


class Delegating(_Again, StepDelegatingExecutor):
    """Processes of a cluster's, which a step handler begins and looks after."""

    @classmethod
    def of(cls, made: Any, handler: StepHandler, most: int | None = None) -> "Delegating":
        """With the settings of one of Dagster's, and at most so many steps at a time."""
        return cls(
            handler,
            retries=made.retries,
            sleep_seconds=_LOOK,
            check_step_health_interval_seconds=_HEALTH,
            max_concurrent=made._max_concurrent or most,
            tag_concurrency_limits=made._tag_concurrency_limits,
            should_verify_step=False,
            step_dependency_config=made.step_dependency_config,
        )


def definition(name: str, base: dg.ExecutorDefinition, made: Callable[[Any], dg.Executor]) -> dg.ExecutorDefinition:
    """One that takes the settings of `base` and is what `made` makes of Dagster's own."""

    creation, schema = cast("Any", base.executor_creation_fn), cast("Any", base.config_schema)

    def create(context: dg.InitExecutorContext) -> dg.Executor:
        return made(creation(context))

    return dg.ExecutorDefinition(
        name=name,
        config_schema=schema,
        requirements=base.get_requirements,
        executor_creation_fn=create,
        description=base.description,
    )
