"""Stages in other processes: the same bits, the same errors, and nothing that outlives whoever asked."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compression_ops.data.sources import digits
from compression_ops.errors import CompressionError, DataError, ModelError
from compression_ops.progress import Progress, silent
from compression_ops.stages.dataset import run as make_dataset
from compression_ops.stages.stage import Context, StageResult
from compression_ops.stages.teacher import Teacher
from compression_ops.stages.teacher import run as train_teacher
from pipelines.execution.side_by_side.job import Done, Failed, Job, answer_from_line, answer_to_line
from pipelines.execution.side_by_side.pool import Begun, Pool
from pipelines.graph import digests as content
from tests.conftest import REPOSITORY

TEACHER = Teacher(architecture="tiny_cnn", epochs=2, batch_size=32, learning_rate=0.01, seed=3)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    source = digits.Digits(source="digits", validation_fraction=0.2, seed=0, limit=200)
    raw = digits.locate(source, [])
    assert raw is not None
    make_dataset(source, {"raw_data": raw}, Context(folder))
    return folder


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(1)
    yield made
    made.close()


def job(dataset: Path, output: Path, parameters: Teacher = TEACHER) -> Job:
    output.mkdir()
    return Job("compression_ops.stages.teacher", parameters, {"dataset": dataset}, output, "cpu")


def taken(pool: Pool, key: str) -> Begun:
    """As soon as its process has it."""
    deadline = time.monotonic() + 30
    while not pool._begun:  # pyright: ignore[reportPrivateUsage]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    found = pool.take(key)
    assert found is not None
    return found


def runs(process: int) -> bool:
    """Whether a process is there and no zombie, as `ps` tells."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")


def nothing(_: Callable[[], None]) -> bool:
    return False


def test_another_process_makes_the_same_bits_and_tells_how_far_it_is(dataset: Path, tmp_path: Path, pool: Pool) -> None:
    here = tmp_path / "here"
    here.mkdir()
    expected = train_teacher(TEACHER, {"dataset": dataset}, Context(here))
    pool.add("a", job(dataset, tmp_path / "there"))
    told: list[Progress] = []
    done = taken(pool, "a").result(told.append, nothing)
    assert done is not None
    assert {**done.result.metrics} == {**expected.metrics}
    assert done.result.threads == expected.threads
    assert [step.description for step in told if step.metrics] == ["epoch 1/2", "epoch 2/2"]
    for file in here.iterdir():
        assert content.of_file(file) == content.of_file(tmp_path / "there" / file.name)


def test_what_a_stage_raises_there_is_raised_here_by_its_own_class(dataset: Path, tmp_path: Path, pool: Pool) -> None:
    pool.add("a", job(dataset, tmp_path / "there", TEACHER.changed(learning_rate=100.0, optimizer="sgd")))
    with pytest.raises(ModelError, match="training diverged"):
        taken(pool, "a").result(silent, nothing)


UNRULY = """
import os, sys
from torch import nn

def network(input_shape, classes):
    print("a line that is no answer")
    os.write(1, b"nor is this one\\n")
    assert os.read(0, 1) == b"", "the jobs are not its to read"
    if WHAT == "exit":
        sys.exit(3)
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))
"""


@pytest.mark.parametrize("what", ["print", "exit"])
def test_code_that_prints_reads_and_ends_processes_disturbs_nobody(
    what: str, dataset: Path, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"unruly_{what}.py").write_text(f"WHAT = {what!r}\n{UNRULY}")
    monkeypatch.syspath_prepend(tmp_path)
    pool.add("a", job(dataset, tmp_path / "there", TEACHER.changed(architecture=f"unruly_{what}:network")))
    begun = taken(pool, "a")
    if what == "print":
        assert begun.result(silent, nothing) is not None
        return
    with pytest.raises(CompressionError, match="SystemExit"):
        begun.result(silent, nothing)


def test_a_job_that_no_process_has_taken_is_taken_back(dataset: Path, tmp_path: Path, pool: Pool) -> None:
    pool.add("first", job(dataset, tmp_path / "1", TEACHER.changed(epochs=2000)))
    begun = taken(pool, "first")
    pool.add("second", job(dataset, tmp_path / "2"))
    pool.add("third", job(dataset, tmp_path / "3"))
    assert pool.take("second") is None, "it is computed by whoever asked"
    assert pool.help(lambda: None), "the third one, here, while the first one runs there"
    third = pool.take("third")
    assert third is not None
    assert third.result(silent, nothing) is not None
    assert not pool.help(lambda: None), "no job waits"
    assert begun.last is None or isinstance(begun.last, Progress)


def test_a_process_that_somebody_ends_is_told_as_lost(dataset: Path, tmp_path: Path, pool: Pool) -> None:
    pool.add("a", job(dataset, tmp_path / "there", TEACHER.changed(epochs=10_000)))
    begun = taken(pool, "a")
    (process,) = pool._processes  # pyright: ignore[reportPrivateUsage]
    process.kill()
    assert begun.result(silent, nothing) is None


def test_nothing_outlives_the_process_that_asked(dataset: Path, tmp_path: Path) -> None:
    line = job(dataset, tmp_path / "there", TEACHER.changed(epochs=10_000)).to_line()
    program = (
        "import sys, time\n"
        "from pipelines.execution.side_by_side.job import Job\n"
        "from pipelines.execution.side_by_side.pool import Pool\n"
        "pool = Pool(1)\n"
        "pool.add('a', Job.from_line(sys.argv[1]))\n"
        "print(pool._processes[0].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, line]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        worker = int(asking.stdout.readline())
        assert runs(worker)
        os.kill(asking.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while runs(worker):
        assert time.monotonic() < deadline, "it trains for nobody"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("failed", "kind", "words"),
    [
        (Failed("DataError", "no images"), DataError, "no images"),
        (Failed("ValueError", "a shape"), ValueError, "a shape"),
        (Failed("OutOfMemoryError", "none left"), RuntimeError, "OutOfMemoryError: none left"),
        (Failed("KeyboardInterrupt", ""), RuntimeError, "KeyboardInterrupt"),
    ],
)
def test_errors_keep_their_class_where_this_process_knows_it(failed: Failed, kind: type, words: str) -> None:
    found = answer_from_line(answer_to_line(failed))
    assert isinstance(found, Failed)
    assert type(found.error()) is kind
    assert str(found.error()).startswith(words)


def test_an_answer_comes_back_as_it_was_told(dataset: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    result = train_teacher(TEACHER, {"dataset": dataset}, Context(output))
    assert answer_from_line(answer_to_line(Done(result, 1.5))) == Done(result, 1.5)


def test_an_answer_that_comes_beside_a_step_is_not_lost() -> None:
    begun, step = Begun(), Progress("epoch 1/1", 1, 1)

    def both(_: Callable[[], None]) -> bool:
        begun.answers.put(step)
        begun.answers.put(Done(StageResult({}), 1.0))
        return False

    told: list[Progress] = []
    assert begun.result(told.append, both) == Done(StageResult({}), 1.0)
    assert told == [step]
