"""Jobs of Ray's that compute one asset each."""

from typing import Any

from dagster._core.executor.step_delegating import CheckStepHealthResult, StepHandlerContext
from dagster_ray.core.executor import RayStepHandler

_SHOWN = 300  # characters of Ray's own words


class Handler(RayStepHandler):
    """That of dagster-ray, which also notices a job that ended without telling Dagster how."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._ended: set[str] = set()

    @classmethod
    def of(cls, made: Any) -> "Handler":
        """With the settings of one of dagster-ray's."""
        names = ("client", "env_vars", "runtime_env", "num_cpus", "num_gpus", "memory", "resources")
        return cls(**{name: getattr(made, name) for name in names})

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Unhealthy is a job that is gone, or that twice is found ended while its step is not."""
        job = self._get_ray_job_submission_id(step_handler_context)
        try:
            info = self.client.get_job_info(job)
        except RuntimeError:
            return CheckStepHealthResult.unhealthy(reason=f"Ray knows no job {job} any more.")
        if not info.status.is_terminal():
            return CheckStepHealthResult.healthy()
        if job not in self._ended:
            self._ended.add(job)
            return CheckStepHealthResult.healthy()
        words = " ".join((info.message or "").split())[-_SHOWN:]
        code = "" if info.driver_exit_code is None else f" with exit code {info.driver_exit_code}"
        return CheckStepHealthResult.unhealthy(reason=f"Ray's job {job} {info.status.lower()}{code}: {words}")
