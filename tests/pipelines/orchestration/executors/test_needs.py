"""What an asset needs reaches Ray as resources, and Kubernetes as a job that its own schema accepts."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.orchestration.executors import executor, ray
from pipelines.orchestration.executors.needs import Needs
from tests.pipelines import product

_VERSION = "1.37"


def _needs(name: str) -> Needs:
    return Needs.of(product.pipeline().graph.assets[name])


@pytest.mark.usefixtures("defs")
def test_needs_are_those_of_the_kind_unless_the_setting_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert _needs("teacher") == Needs(threads=1, memory=2 << 30, gpus=0, is_alone=False, is_heavy=True)
    assert _needs("measurements") == Needs(threads=1, memory=2 << 30, gpus=0, is_alone=True, is_heavy=True)
    assert not _needs("benchmark_report").is_heavy
    monkeypatch.setenv("COMPRESSION_NEEDS", "memory=3GB, teacher.threads=4,teacher.memory=512MiB")
    monkeypatch.setenv("COMPRESSION_DEVICE", "cuda")
    assert _needs("teacher") == Needs(threads=4, memory=512 << 20, gpus=1, is_alone=False, is_heavy=True)
    assert (_needs("dataset").memory, _needs("dataset").gpus) == (3 * 10**9, 0)
    assert (_needs("soft_labels").gpus, _needs("measurements").gpus) == (1, 0)


@pytest.mark.ray
@pytest.mark.usefixtures("defs")
def test_ray_is_asked_for_what_an_asset_needs(monkeypatch: pytest.MonkeyPatch, home: Path, defs: Path) -> None:
    from dagster_ray.configs import RayExecutionConfig

    monkeypatch.setenv("COMPRESSION_DEVICE", "cuda")
    monkeypatch.setenv("COMPRESSION_NEEDS", "teacher.threads=4")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hidden")
    found = RayExecutionConfig.from_tags(executor.executors()["ray"].tags(_needs("teacher")))
    assert (found.num_cpus, found.num_gpus, found.memory) == (4, 1, 2 << 30)
    assert found.runtime_env is not None
    environment = found.runtime_env["env_vars"]
    assert environment["OMP_NUM_THREADS"] == "4"
    assert (environment["COMPRESSION_HOME"], environment["COMPRESSION_DEFS"]) == (str(home), str(defs))
    assert environment["COMPRESSION_DEVICE"] == "cuda"
    assert "hidden" not in json.dumps(environment), "a secret stays where machines are set up"


@pytest.mark.parametrize(
    ("name", "value", "is_passed_on"),
    [
        ("COMPRESSION_STATE", "postgresql+psycopg2://team:hid/den@db:5432/d", False),
        ("COMPRESSION_STATE", "postgresql+psycopg2://db/d?user=team&password=hidden", False),
        ("COMPRESSION_STATE", "postgresql+psycopg2://team@db:5432/d", True),
        ("MLFLOW_TRACKING_URI", "https://team:hidden@mlflow:5000", False),
        ("MLFLOW_TRACKING_URI", "https://mlflow:5000/of/team", True),
        ("COMPRESSION_STORE", "s3://artifacts/store", True),
    ],
)
def test_a_setting_that_holds_a_password_stays_here(
    name: str, value: str, is_passed_on: bool, monkeypatch: pytest.MonkeyPatch, home: Path, defs: Path
) -> None:
    monkeypatch.setenv(name, value)
    assert ray.environment().get(name) == (value if is_passed_on else None)


@pytest.mark.ray
def test_what_ray_is_told_does_not_depend_on_where_a_job_begins(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "python3-examples"
    own.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(own))
    monkeypatch.syspath_prepend(str(tmp_path / "nowhere"))
    for name in ("COMPRESSION_EXECUTOR_CONFIG", "COMPRESSION_WORKERS"):
        monkeypatch.setenv(name, "2")
    monkeypatch.setenv("COMPRESSION_DATA", "raw")
    monkeypatch.setenv("COMPRESSION_STORE", "../store")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    found = ray.environment()
    assert {"COMPRESSION_EXECUTOR_CONFIG", "COMPRESSION_WORKERS"}.isdisjoint(found)
    assert found["COMPRESSION_DATA"] == f"{tmp_path}/raw"
    assert found["COMPRESSION_STORE"] == f"{tmp_path.parent}/store"
    assert found["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/runs.db"
    folders = found["PYTHONPATH"].split(os.pathsep)
    assert folders[0] == str(own)
    assert not any(folder.endswith(("site-packages", "lib-dynload", ".zip")) for folder in folders)
    monkeypatch.setenv("COMPRESSION_STORE", "s3://bucket/store")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////abs/runs.db")
    found = ray.environment()
    assert (found["COMPRESSION_STORE"], found["MLFLOW_TRACKING_URI"]) == ("s3://bucket/store", "sqlite:////abs/runs.db")


def _job(tags: Mapping[str, str]) -> dict[str, Any]:
    """What dagster-k8s makes of an asset's tags, as it is sent."""
    from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job, get_user_defined_k8s_config
    from kubernetes.client import ApiClient

    settings = DagsterK8sJobConfig(
        dagster_home="/home/compression/dagster", job_image="registry.example/compression:1", instance_config_map="i"
    )
    own = get_user_defined_k8s_config(tags)
    job = construct_dagster_k8s_job(settings, ["dagster"], "step", user_defined_k8s_config=own, component="step_worker")
    sent: Any = ApiClient().sanitize_for_serialization(job)
    return sent


def _accept(resource: dict[str, Any]) -> None:
    """Raise an error if the schema of Kubernetes does not accept a resource."""
    import kubernetes_validate

    kubernetes_validate.validate(resource, _VERSION, strict=True)


@pytest.mark.kubernetes
@pytest.mark.usefixtures("defs")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", ["dataset", "teacher", "measurements", "benchmark_report"])
def test_kubernetes_accepts_the_job_of_an_asset(name: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPRESSION_DEVICE", device)
    monkeypatch.setenv("COMPRESSION_NEEDS", "teacher.threads=2")
    needs = _needs(name)
    job = _job(executor.executors()["k8s"].tags(needs))
    _accept(job)
    pod = job["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    gpu = {"nvidia.com/gpu": "1"} if (name, device) == ("teacher", "cuda") else {}
    assert container["resources"] == {
        "requests": {"cpu": "2" if name == "teacher" else str(needs.threads), "memory": str(needs.memory)},
        "limits": {"memory": str(needs.memory), **gpu},
    }
    takes = {"teacher": "cores", "measurements": "machine"}.get(name)
    assert pod["metadata"]["labels"].get("compression/takes") == takes
    rules = pod["spec"].get("affinity", {}).get("podAntiAffinity", {})
    terms = rules.get("requiredDuringSchedulingIgnoredDuringExecution", [])
    kept_apart = [term["labelSelector"]["matchExpressions"][0]["values"] for term in terms]
    assert kept_apart == {"cores": [["machine"]], "machine": [["machine", "cores"]], None: []}[takes]


@pytest.mark.kubernetes
@pytest.mark.usefixtures("defs")
def test_a_job_that_asks_for_nonsense_would_be_refused() -> None:
    job = _job(executor.executors()["k8s"].tags(_needs("teacher")))
    job["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] = ["cpu"]
    with pytest.raises(Exception, match=r"\['cpu'\] is not of type 'object'"):
        _accept(job)
