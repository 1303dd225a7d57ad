"""Each asset in a Kubernetes job, in a pod that asks for the cores, the memory and the GPU that it needs.

Image, namespace, secrets and volumes are those of the code location that Dagster's Helm chart deploys
(`deploy/values.yaml`), or stand in `COMPRESSION_EXECUTOR_CONFIG`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.errors import CompressionError
from pipelines.orchestration.executors import configuration
from pipelines.orchestration.executors.executor import Executor
from pipelines.orchestration.executors.needs import THREADS, Needs

if TYPE_CHECKING:
    import dagster as dg

_TAKES = "compression/takes"  # a label of pods: `cores`, or `machine` where nothing heavy may run on the same one
_SHARED = ("COMPRESSION_STATE", "COMPRESSION_STORE")
_OF_A_CLUSTER = "KUBERNETES_SERVICE_HOST"  # what Kubernetes sets in each of its pods


def tags(needs: Needs) -> Mapping[str, str]:
    """Requests, which find a node, and the limit of memory, which ends a pod before its node suffers."""
    requests = {"cpu": str(needs.threads), "memory": str(needs.memory)}
    limits = {"memory": str(needs.memory), **({"nvidia.com/gpu": str(needs.gpus)} if needs.gpus else {})}
    asked: dict[str, Any] = {
        "container_config": {
            "resources": {"requests": requests, "limits": limits},
            "env": [{"name": THREADS, "value": str(needs.threads)}],
        }
    }
    if needs.is_heavy:
        asked["pod_template_spec_metadata"] = {"labels": {_TAKES: "machine" if needs.is_alone else "cores"}}
        asked["pod_spec_config"] = {"affinity": {"podAntiAffinity": _apart_from(needs)}}
    return {"dagster-k8s/config": json.dumps(asked)}


def _apart_from(needs: Needs) -> dict[str, Any]:
    """No node takes what measures and anything else that is heavy at a time."""
    others = ["machine", "cores"] if needs.is_alone else ["machine"]
    term = {
        "labelSelector": {"matchExpressions": [{"key": _TAKES, "operator": "In", "values": others}]},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def definition(settings: Mapping[str, Any]) -> "dg.ExecutorDefinition":
    """That of dagster-k8s, by which a pod that was lost is another try."""
    from dagster_k8s import k8s_job_executor

    from pipelines.orchestration.executors.steps import lost

    def made(own: Any) -> "dg.Executor":
        return lost.Delegating.of(own, own._step_handler, configuration.workers())

    stated = {} if _OF_A_CLUSTER in os.environ else {"load_incluster_config": False}
    return lost.definition("k8s", k8s_job_executor, made).configured({**stated, **settings}, name="k8s")


def reach(on: "dg.DagsterInstance") -> None:
    """Raise CompressionError where pods could not compute a run: they see no state that lies on this machine, and
    dagster-k8s begins them as the run launcher of Dagster's instance has it.
    """
    from dagster_k8s import K8sRunLauncher

    missing = [name for name in _SHARED if not os.environ.get(name)]
    if _OF_A_CLUSTER not in os.environ and missing:
        raise CompressionError(
            "k8s: this machine is in no cluster, whose pods see nothing of its home\n"
            f"  found:   no {' and no '.join(missing)}\n"
            f"  allowed: {' and '.join(_SHARED)}, which name servers that this machine and the pods reach"
        )
    if not isinstance(on.run_launcher, K8sRunLauncher):
        raise CompressionError(
            "k8s: the pods of assets are begun as the run launcher of Dagster's instance has it\n"
            f"  found:   {type(on.run_launcher).__name__}, in {Path(on.root_directory, 'dagster.yaml')}\n"
            "  allowed: K8sRunLauncher, as in the dagster.yaml of Dagster's Helm chart; DAGSTER_HOME names its folder"
        )


EXECUTOR = Executor(
    "cluster", definition, tags, packages={"dagster_k8s": "dagster-k8s"}, begins=("dagster",), reach=reach
)
