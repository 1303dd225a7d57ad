"""Jobs of Ray's that compute one asset each."""

import time
from typing import Any

from dagster._core.executor.step_delegating import CheckStepHealthResult, StepHandlerContext
from dagster_ray.core.executor import RayStepHandler

_SHOWN = 300  # characters of Ray's own words
_SILENT = 60.0  # seconds without an answer after which a cluster counts as lost


class Handler(RayStepHandler):
    """That of dagster-ray, which also notices a job that ended without telling Dagster how."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._ended: set[str] = set()
        self._silent_since: float | None = None

    @classmethod
    def of(cls, made: Any) -> "Handler":
        """With the settings of one of dagster-ray's."""
        names = ("client", "env_vars", "runtime_env", "num_cpus", "num_gpus", "memory", "resources")
        return cls(**{name: getattr(made, name) for name in names})

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Unhealthy is a job that is gone, or that twice is found ended while its step is not; and any, once Ray's head
        has not answered for a minute.
        """
        job = self._get_ray_job_submission_id(step_handler_context)
        try:
            info = self.client.get_job_info(job)
        except RuntimeError:
            self._silent_since = None
            return CheckStepHealthResult.unhealthy(reason=f"Ray knows no job {job} any more.")
        except OSError as error:  # that of requests is one, too
            return self._unanswered(error)
        self._silent_since = None
        if not info.status.is_terminal():
            return CheckStepHealthResult.healthy()
        if job not in self._ended:
            self._ended.add(job)
            return CheckStepHealthResult.healthy()
        words = " ".join((info.message or "").split())[-_SHOWN:]
        code = "" if info.driver_exit_code is None else f" with exit code {info.driver_exit_code}"
        return CheckStepHealthResult.unhealthy(reason=f"Ray's job {job} {info.status.lower()}{code}: {words}")

    def _unanswered(self, error: OSError) -> CheckStepHealthResult:
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
        if now - self._silent_since < _SILENT:
            return CheckStepHealthResult.healthy()
        words = " ".join(str(error).split())[:_SHOWN]
        return CheckStepHealthResult.unhealthy(reason=f"Ray has not answered for {_SILENT:.0f} s: {words}")
