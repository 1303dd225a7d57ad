"""Each asset in a job of a Ray cluster, on a machine that has the cores, the memory and the GPU that it needs.

The cluster is the one of `RAY_ADDRESS`, its dashboard's address, or the one on this machine. Its machines need the same
Python environment, at the same path, and see the same home.
"""

import json
import os
import re
import site
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.errors import CompressionError
from pipelines.orchestration.executors import configuration
from pipelines.orchestration.executors.executor import Executor
from pipelines.orchestration.executors.needs import THREADS, Needs
from pipelines.recipe import file as recipe_file
from pipelines.state import home

if TYPE_CHECKING:
    import dagster as dg

ADDRESS = "RAY_ADDRESS"
_PASSED_ON = ("COMPRESSION_", "MLFLOW_", "GOMP_", "OMP_WAIT_POLICY", "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY")
_FOLDERS = ("COMPRESSION_DATA", "DAGSTER_HOME")
_SQLITE = "sqlite:///"
_SECRET = ("PASSWORD", "TOKEN", "SECRET", "NOTIFY")
_WITH_PASSWORD = re.compile(r"//[^/\s]*:.*@|[?&]password=", re.IGNORECASE)


def tags(needs: Needs) -> Mapping[str, str]:
    """Ray's resources. Ray gives a job as many threads as cores, unless it is told."""
    asked = {
        "num_cpus": needs.threads,
        "num_gpus": needs.gpus,
        "memory": needs.memory,
        "runtime_env": {"env_vars": {**environment(), THREADS: str(needs.threads)}},
    }
    return {"dagster-ray/config": json.dumps(asked)}


def environment() -> dict[str, str]:
    """What a job has of the environment here: the settings, without secrets, which stay where machines are set
    up: names and values go into tags of the run as well.
    """
    found = {
        name: _wherever(name, value)
        for name, value in os.environ.items()
        if name.startswith(_PASSED_ON)
        and name not in (configuration.FILE, configuration.WORKERS)
        and not any(word in name for word in _SECRET)
        and not _WITH_PASSWORD.search(value)
    }
    return {
        **found,
        "COMPRESSION_HOME": str(home.current().root),
        "COMPRESSION_DEFS": str(recipe_file.defs_folder().resolve()),
        "PYTHONPATH": os.pathsep.join(_own_folders()),
    }


def _wherever(name: str, value: str) -> str:
    """A setting that may name a file or a folder from where this process began, as one elsewhere finds it."""
    is_path = name in _FOLDERS or (name == "COMPRESSION_STORE" and "://" not in value and "::" not in value)
    if is_path and value:
        return str(Path(value).resolve())
    if name == "MLFLOW_TRACKING_URI" and value.startswith(_SQLITE):
        return f"{_SQLITE}{Path.cwd() / value.removeprefix(_SQLITE)}"
    return value


def _own_folders() -> list[str]:
    """Where modules are looked for beside those of the Python environment, which the machines have as well."""
    places = {Path(prefix, name) for prefix in (sys.prefix, sys.base_prefix) for name in ("lib", sys.platlibdir)}
    places.add(Path(site.getusersitepackages()))
    found = [Path(folder).absolute() for folder in sys.path]
    return [str(path) for path in found if path.is_dir() and places.isdisjoint((path, *path.parents))]


def definition(settings: Mapping[str, Any]) -> "dg.ExecutorDefinition":
    """That of dagster-ray, by which a process that was lost is another try."""
    from dagster_ray.core.executor import ray_executor

    from pipelines.orchestration.executors.steps import lost

    own = lost.definition("ray", ray_executor, _made)
    return own.configured({"ray": {}, **settings}, name="ray")


def _made(made: Any) -> "dg.Executor":
    from pipelines.orchestration.executors.steps import lost, ray_jobs

    handler = made._step_handler
    return lost.Delegating.of(made, ray_jobs.Handler.of(handler), configuration.workers() or _cores(handler.client))


def _cores(client: Any) -> int:
    """Those of the cluster: a job that waits for one for a quarter of an hour is given up by Ray."""
    from ray.util.state import list_nodes

    nodes: Any = list_nodes(address=client.get_address())
    return max(1, int(sum(node.resources_total.get("CPU", 0) for node in nodes if node.state == "ALIVE")))


def reach(on: "dg.DagsterInstance") -> None:
    """Raise CompressionError if no cluster answers."""
    from ray.job_submission import JobSubmissionClient

    try:
        JobSubmissionClient(os.environ.get(ADDRESS) or None)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = os.environ.get(ADDRESS) or "this machine"
        raise CompressionError(
            f"no Ray cluster answers at {where}: {str(error).splitlines()[0]}\n"
            f"  `ray start --head` begins one; {ADDRESS} names that of another machine, as http://<host>:8265"
        ) from error


EXECUTOR = Executor("cluster", definition, tags, packages={"dagster_ray": "dagster-ray", "ray": "ray"}, reach=reach)
