"""Trainings of one run side by side: which may, that they make the same, and that a stop ends all of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pipelines.commands import verify
from pipelines.execution import materialize, progress
from pipelines.execution.side_by_side import ahead
from pipelines.execution.side_by_side.pool import Pool
from tests.conftest import REPOSITORY
from tests.pipelines import product, recipes

EPOCHS = ("epochs: 2", "epochs: 3")


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Two threads, on which every training is worth a process; yields the keys of what was given to one."""
    given: list[str] = []
    add = Pool.add

    def noted(pool: Pool, key: str, job: object) -> None:
        given.append(key)
        add(pool, key, job)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Pool, "add", noted)
    monkeypatch.setattr(ahead, "_WORTH_A_PROCESS", 0.0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield given
    torch.set_num_threads(before)


@pytest.mark.slow
def test_a_control_beside_its_student_is_what_it_would_be_alone(recipe: Path, two_cores: list[str]) -> None:
    recipe.write_text(recipes.edited(EPOCHS))
    seen: list[progress.Event] = []
    with progress.subscribed(seen.append):
        assert {"student/small", "control/small"} <= product.computed()
    assert two_cores == [product.entry("control/small").action]
    assert any(isinstance(event, progress.Advanced) and event.asset == "control/small" for event in seen)
    pipeline = product.pipeline()
    verdicts = list(verify.verify(pipeline, ["student/small", "control/small"], lambda name, step: None, print))
    assert all(verdict.reproduced for verdict in verdicts)
    assert not list((pipeline.home.running).glob("stage-*")), "no folder is left"
    assert product.computed() == set()


def test_what_another_process_stores_meanwhile_is_taken_and_what_was_begun_is_dropped(
    recipe: Path, two_cores: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.write_text(recipes.edited(EPOCHS))
    left: list[object] = []

    def follow(event: progress.Event) -> None:
        match event:
            case progress.Ended("student/small"):
                with monkeypatch.context() as patch:  # as another process, which knows nothing of what was begun here
                    patch.setattr(ahead, "_ahead", ahead._Ahead())  # pyright: ignore[reportPrivateUsage]
                    assert materialize.materialize(product.pipeline(), "control/small", print).computed
            case progress.Ended("control/small", "reused"):
                left.extend(ahead._ahead.begun)  # pyright: ignore[reportPrivateUsage]
                left.extend(product.pipeline().home.running.glob("stage-*"))
                left.append("nothing else")
            case _:
                pass

    with progress.subscribed(follow):
        product.run(patterns=["student/small", "control/small"])
    assert two_cores == [product.entry("control/small").action], "it was begun"
    assert not product.entry("control/small").computed
    assert left == ["nothing else"]


@pytest.mark.slow
def test_students_that_have_one_control_train_it_once(recipe: Path, two_cores: list[str]) -> None:
    twin = recipes.TINY[recipes.TINY.index("    small:") : recipes.TINY.index("  quantized_students:")]
    other = twin.replace("small:", "other:").replace("temperature: 4.0", "temperature: 2.0")
    recipe.write_text(
        recipes.edited(EPOCHS, ("  quantized_students:", f"{other.replace(*EPOCHS)}  quantized_students:"))
    )
    computed = product.computed()
    assert {"student/small", "student/other"} <= computed
    assert len(computed & {"control/small", "control/other"}) == 1
    assert product.entry("control/small").artifact == product.entry("control/other").artifact
    assert len(set(two_cores)) == len(two_cores)
    pipeline = product.pipeline()
    verdicts = verify.verify(pipeline, ["student/other", "control/other"], lambda name, step: None, print)
    assert all(verdict.reproduced for verdict in verdicts)


@pytest.mark.slow
def test_quantized_students_that_learn_do_so_side_by_side(recipe: Path, two_cores: list[str]) -> None:
    learning = "      method: {type: lsq, epochs: 2, batch_size: 64, learning_rate: 0.001, loss: {type: kd}}\n"
    calibrated = recipes.TINY[recipes.TINY.index("    int8:\n") : recipes.TINY.index("  benchmark:")]
    narrow = calibrated.replace("int8:", "int4:").replace("weight_bits: 8", "weight_bits: 4")
    recipe.write_text(recipes.edited((calibrated, calibrated + learning + narrow + learning)))
    assert {"quantized_student/int8", "quantized_student/int4"} <= product.computed()
    assert len(two_cores) == 1
    pipeline = product.pipeline()
    names = ["quantized_student/int8", "quantized_student/int4"]
    verdicts = verify.verify(pipeline, names, lambda name, step: None, print)
    assert all(verdict.reproduced for verdict in verdicts)


def test_one_core_has_no_side(recipe: Path, two_cores: list[str]) -> None:
    torch.set_num_threads(1)
    recipe.write_text(recipes.edited(EPOCHS))
    assert "control/small" in product.computed()
    assert two_cores == []


@pytest.mark.slow
def test_what_takes_no_time_is_not_worth_a_process(
    recipe: Path, two_cores: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_WORTH_A_PROCESS", 2.0)
    recipe.write_text(recipes.edited(EPOCHS))
    assert "control/small" in product.computed()
    assert two_cores == []


@pytest.mark.slow
def test_a_network_that_fails_beside_another_fails_in_its_own_turn(
    recipe: Path, two_cores: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fragile.py").write_text(
        "from torch import nn\n"
        "class Fragile(nn.Module):\n"
        "    def __init__(self, channels, classes):\n"
        "        super().__init__()\n"
        "        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))\n"
        "        self.seen = 0\n"
        "    def forward(self, x):\n"
        "        if self.training and len(x) > 4:\n"
        "            self.seen += 1\n"
        "            if self.seen > 3:\n"
        "                raise ValueError('worn out')\n"
        "        return self.net(x)\n"
        "def fragile(input_shape, classes):\n"
        "    return Fragile(input_shape[0], classes)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    recipe.write_text(recipes.edited(("architecture: tiny_cnn", "architecture: fragile:fragile")))
    report = product.runner.run(product.pipeline())
    causes = {item.asset: item.cause for item in report.outcomes if item.outcome == "failed"}
    assert set(causes) == {"student/small", "control/small"}
    assert all("worn out" in cause for cause in causes.values()), causes
    assert len(two_cores) == 1


@pytest.mark.slow
def test_one_signal_ends_what_is_trained_beside_as_well(recipe: Path) -> None:
    recipe.write_text(recipes.edited(("epochs: 2", "epochs: 10000")))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-m", "pipelines.cli.main", "run", "tiny"]
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        deadline = time.monotonic() + 60
        while not (workers := _workers(process.pid)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(4)  # both train
        os.killpg(process.pid, signal.SIGINT)
        started = time.monotonic()
        errors = process.stderr.read()
        assert process.wait(timeout=20) == 130
    assert time.monotonic() - started < 5
    assert "interrupted; what was computed so far is kept" in errors
    assert "Traceback" not in errors
    assert not [worker for worker in workers if _is_there(worker)]


def _workers(parent: int) -> list[int]:
    command = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(parent)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "side_by_side.worker" in line]


def _is_there(process: int) -> bool:
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(told.stdout.strip()) and not told.stdout.startswith("Z")
