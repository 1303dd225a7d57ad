"""A run that fails as a whole, and not by one of its assets, is told as a failure."""

import os
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from compression_ops.errors import CompressionError
from pipelines.cli.app import app
from pipelines.orchestration import instance as instances
from pipelines.orchestration.executors import configuration, executor
from pipelines.state import home as homes
from tests.pipelines import product

_KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: gone
contexts: [{name: gone, context: {cluster: gone, user: nobody}}]
clusters: [{name: gone, cluster: {server: 'http://127.0.0.1:9'}}]
users: [{name: nobody, user: {token: none}}]
"""


_LAUNCHER = """
run_launcher:
  module: dagster_k8s
  class: K8sRunLauncher
  config:
    service_account_name: compression
    dagster_home: /home/compression/dagster
    instance_config_map: instance
    load_incluster_config: false
    kubeconfig_file: {kubeconfig}
"""


@pytest.fixture
def pod(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a pod, where `student/small` is to be computed.

    Returns the file of Dagster's settings.
    """
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    (tmp_path / "kubeconfig").write_text(_KUBECONFIG)
    (tmp_path / "executor.yaml").touch()
    monkeypatch.setenv(executor.SETTING, "k8s")
    monkeypatch.setenv(configuration.FILE, str(tmp_path / "executor.yaml"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    return homes.current().dagster / "dagster.yaml"


def _error() -> str:
    result = CliRunner().invoke(app(), ["run", "tiny", "--select", "student/small", "--json"])
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert isinstance(result.exception, CompressionError), result.exception
    return str(result.exception)


@pytest.mark.kubernetes
@pytest.mark.parametrize(
    ("kubeconfig", "told"),
    [
        ("/nowhere", "the run could not begin: ConfigException: Invalid kube-config file"),
        ("{folder}/kubeconfig", "the run ended as failure, though no asset of it failed: Exception: No image included"),
    ],
)
def test_a_run_that_its_executor_cannot_go_on_with_has_failed_and_says_why(
    kubeconfig: str, told: str, pod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pod.open("a") as settings:
        settings.write(_LAUNCHER.format(kubeconfig=tmp_path / "kubeconfig"))
    Path(os.environ[configuration.FILE]).write_text(
        f"load_incluster_config: false\nkubeconfig_file: {kubeconfig.format(folder=tmp_path)}\n"
    )
    words = _error()
    assert told in words
    assert "Traceback" not in words
    assert "Stack" not in words
    with instances.opened(homes.current()) as on:
        failed = on.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        assert len(failed) == 1, "it is tried once"
    monkeypatch.delenv(executor.SETTING)
    assert product.states()["student/small"] == "stale"


@pytest.mark.kubernetes
def test_what_kubernetes_could_not_compute_is_refused_in_words(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = _error()
    assert f"found:   DefaultRunLauncher, in {pod}\n  allowed: K8sRunLauncher" in words
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    monkeypatch.setenv("COMPRESSION_STORE", str(homes.current().root / "store"))
    words = _error()
    assert "found:   no COMPRESSION_STATE\n  allowed: COMPRESSION_STATE and COMPRESSION_STORE" in words
