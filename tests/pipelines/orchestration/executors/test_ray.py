"""Real runs on a Ray cluster of two workers, which stand on this machine."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.commands import verify
from pipelines.orchestration.executors import executor
from tests.pipelines import product, recipes
from tests.pipelines.orchestration.executors import runs

pytestmark = [pytest.mark.ray, pytest.mark.slow(seconds=90)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The dashboard of a cluster of two workers of one core each."""
    from ray.cluster_utils import Cluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"num_cpus": 1, "include_dashboard": True, "dashboard_host": "127.0.0.1", "dashboard_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=settings)
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield f"http://127.0.0.1:{port}"
    cluster.shutdown()


def test_a_worker_that_is_killed_in_the_middle_of_a_training_is_followed_by_another(
    recipe: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.write_text(recipes.edited(("epochs: 2", "epochs: 500")))
    names = ["student/small", "control/small"]
    with runs.run("ray", "--select", "student/*", "--select", "control/*", RAY_ADDRESS=address) as command:
        event = command.event("student/small", "Advanced")
        runs.kill(event)
        code, _, errors = command.end()
        events = command.events()
    assert code == 0, errors
    assert all(f"{name}: computed (" in errors for name in names)
    by = {name: {each["process"] for each in events if each["asset"] == name} for name in names}
    assert (len(by["student/small"]), len(by["control/small"])) == (2, 1)
    assert all(item.reproduced for item in verify.verify(product.pipeline(), names, lambda name, step: None, print))
    monkeypatch.setenv(executor.SETTING, "ray")
    assert product.computed(patterns=names) == set(), "what is up to date needs no cluster"


def test_a_stop_ends_the_jobs_of_a_run_soon_and_in_words(recipe: Path, address: str) -> None:
    recipe.write_text(recipes.edited(("epochs: 2", "epochs: 10000")))
    with runs.run("ray", "--select", "student/small", RAY_ADDRESS=address) as command:
        event = command.event("student/small", "Advanced")
        os.killpg(command.process.pid, signal.SIGINT)
        code, _, errors = command.end()
    assert code == 130, errors
    assert "interrupted; what was computed so far is kept" in errors
    assert "Traceback" not in errors
    assert runs.soon(runs.is_gone(event), 5)
