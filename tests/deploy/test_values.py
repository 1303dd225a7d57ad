"""The values for Dagster's Helm chart: what its templates make of them is what Dagster and Kubernetes accept.

The chart is not here; what its templates do with a value is written down below, as far as values.yaml uses it.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipelines.orchestration.executors import executor
from pipelines.orchestration.executors.needs import Needs
from pipelines.state.versions import dagster_settings
from tests.conftest import REPOSITORY

# What the chart's values.schema.json takes, of the parts that it closes and that values.yaml states.
_LAUNCHER = {
    "image",
    "imagePullPolicy",
    "jobNamespace",
    "loadInclusterConfig",
    "kubeconfigFile",
    "envConfigMaps",
    "envSecrets",
    "envVars",
    "volumeMounts",
    "volumes",
    "labels",
    "failPodOnRunFailure",
    "resources",
    "schedulerName",
    "securityContext",
    "runK8sConfig",
}
_RUNS = {"containerConfig", "podSpecConfig", "podTemplateSpecMetadata", "jobSpecConfig", "jobMetadata"}
_DEPLOYMENT = {
    "name",
    "image",
    "dagsterApiGrpcArgs",
    "port",
    "env",
    "envSecrets",
    "includeConfigInLaunchedRuns",
    "podSecurityContext",
    "volumes",
    "volumeMounts",
    "resources",
}
_HOME = {"name": "home", "mountPath": "/var/lib/compression"}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """The file as Helm reads it."""
    return YAML(typ="safe").load(REPOSITORY / "deploy" / "values.yaml")


@pytest.fixture(scope="module")
def deployment(values: dict[str, Any]) -> dict[str, Any]:
    """The code location."""
    (stated,) = values["dagster-user-deployments"]["deployments"]
    return stated


def _snake(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {re.sub("(?=[A-Z])", "_", name).lower(): value for name, value in settings.items()}


def _context(values: Mapping[str, Any], deployment: Mapping[str, Any]) -> Any:
    """Of every run: the run launcher's, and over it what the code location says of itself (in the chart's
    `k8sContainerContext`).
    """
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import UserDefinedDagsterK8sConfig

    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    runs = UserDefinedDagsterK8sConfig.from_dict(_snake(launcher["runK8sConfig"]))
    passed_on = {name: deployment[name] for name in ("env", "volumes", "resources")}
    own = {
        **passed_on,
        "volume_mounts": deployment["volumeMounts"],
        "env_secrets": [secret["name"] for secret in deployment["envSecrets"]],
        "image_pull_policy": deployment["image"]["pullPolicy"],
        "run_k8s_config": {"pod_spec_config": {"automount_service_account_token": True}},
    }
    context = K8sContainerContext(image_pull_policy=launcher["imagePullPolicy"], run_k8s_config=runs)
    return context.merge(K8sContainerContext.create_from_config({"k8s": own}))


def _pod(context: Any, deployment: Mapping[str, Any], component: str) -> dict[str, Any]:
    """The pod of the job that dagster-k8s makes, which Kubernetes' own schema accepts."""
    import kubernetes_validate
    from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job
    from kubernetes.client import ApiClient

    image = "{repository}:{tag}".format(**deployment["image"])
    settings = DagsterK8sJobConfig(dagster_home="/opt/dagster/dagster_home", job_image=image, instance_config_map="i")
    own = context.run_k8s_config
    job = construct_dagster_k8s_job(settings, ["dagster"], "job", user_defined_k8s_config=own, component=component)
    sent: Any = ApiClient().sanitize_for_serialization(job)
    kubernetes_validate.validate(sent, "1.37", strict=True)
    return sent["spec"]["template"]["spec"]


def test_only_what_the_chart_takes_is_stated(values: dict[str, Any], deployment: dict[str, Any]) -> None:
    launcher = values["runLauncher"]
    assert (set(launcher), set(launcher["config"])) == ({"type", "config"}, {"k8sRunLauncher"})
    assert set(launcher["config"]["k8sRunLauncher"]) <= _LAUNCHER
    assert set(launcher["config"]["k8sRunLauncher"]["runK8sConfig"]) <= _RUNS
    assert set(deployment) <= _DEPLOYMENT
    assert deployment["dagsterApiGrpcArgs"] == ["--module-name", "compression_pipeline.definitions"], "as in the image"


@pytest.mark.kubernetes
def test_a_runs_pod_and_an_assets_have_the_home_the_secrets_and_leave_to_write(
    values: dict[str, Any], deployment: dict[str, Any]
) -> None:
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import get_user_defined_k8s_config

    context = _context(values, deployment)
    teacher = Needs(threads=2, memory=4 << 30, gpus=0, is_alone=False, is_heavy=True)
    asked = K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(executor.executors()["k8s"].tags(teacher)))
    run, step = _pod(context, deployment, "run_worker"), _pod(context.merge(asked), deployment, "step_worker")
    for pod in (run, step):
        (container,) = pod["containers"]
        assert _HOME in container["volumeMounts"]
        assert {"secretRef": {"name": "compression-secrets"}} in container["envFrom"]
        assert {"name": "COMPRESSION_EXECUTOR", "value": "k8s"} in container["env"]
        assert pod["securityContext"] == deployment["podSecurityContext"] == {"fsGroup": 1000}
    assert run["containers"][0]["resources"] == deployment["resources"]
    assert step["containers"][0]["resources"]["limits"] == {"memory": str(teacher.memory)}
    assert "podAntiAffinity" in step["affinity"]


@pytest.mark.kubernetes
def test_the_pod_of_the_code_location_is_accepted_and_its_settings_are_the_products(
    values: dict[str, Any], deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import kubernetes_validate

    container = {
        "name": "dagster-user-deployments",
        "image": "{repository}:{tag}".format(**deployment["image"]),
        "envFrom": [{"secretRef": secret} for secret in deployment["envSecrets"]],
        "ports": [{"containerPort": deployment["port"]}],
        **{name: deployment[name] for name in ("env", "volumeMounts", "resources")},
    }
    spec = {"volumes": deployment["volumes"], "securityContext": deployment["podSecurityContext"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": deployment["name"]}}
    kubernetes_validate.validate({**pod, "spec": {**spec, "containers": [container]}}, "1.37", strict=True)
    for variable in deployment["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    assert executor.check() is executor.executors()["k8s"]
    assert values["runLauncher"]["type"] == "K8sRunLauncher"
    assert deployment["includeConfigInLaunchedRuns"] == {"enabled": True}


def test_dagsters_settings_are_those_of_a_home_but_for_pools(values: dict[str, Any]) -> None:
    home = YAML(typ="safe").load(dagster_settings.PRESENT)
    assert values["telemetry"] == home["telemetry"]
    seconds = values["dagsterDaemon"]["runMonitoring"]["freeSlotsAfterRunEndSeconds"]
    assert seconds == home["run_monitoring"]["free_slots_after_run_end_seconds"]
    for kind, stated in home["retention"].items():
        words = kind.split("_")
        days = values["retention"]["".join([words[0], *(word.title() for word in words[1:])])]["purgeAfterDays"]
        days = {name: each for name, each in days.items() if name != "started"} if isinstance(days, dict) else days
        assert days == stated["purge_after_days"], kind
