"""What another program on the machine costs a training: epochs of a student beside busy loops against epochs alone.

    python benchmarks/busy_neighbour.py [--recipe digits] [--loops 1] [--pairs 7] [--epochs 3]

Two ways, each in a process of its own: as the product trains, and as torch does by itself, whose threads are as many as
there are cores and spin while they wait. A pair is the same epochs alone, then beside the loops; figures are medians
over the pairs. Nothing needs to have been run: the student learns from random soft labels, which take as long as any.
"""

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from compression_ops.spec import Spec
from compression_ops.stages.stage import Context, StageResult
from pipelines.execution import idle_threads
from pipelines.graph.asset import RAW_DATA
from pipelines.kinds import graph
from pipelines.observed import raw_data
from pipelines.recipe import file as recipe_file
from pipelines.state import home

_LOOP = "while True: pass"
_VIEWS = 2
# GNU OpenMP's own number of spins where there are no more threads than cores.
_WAYS = {"the product": {}, "torch by itself": {"GOMP_SPINCOUNT": "300000", "ALL_CORES": "1"}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--loops", type=int, default=1, help="busy loops beside the training")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=3, help="of each half of a pair")
    parser.add_argument("--inputs", type=Path, help=argparse.SUPPRESS)  # of the processes that this one starts
    arguments = parser.parse_args()
    if arguments.inputs:
        _pairs(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        _prepare(arguments.recipe, Path(folder))
        for way, variables in _WAYS.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--inputs", folder]
            done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
            print(f"{way:16} {done.stdout.strip()}", flush=True)


def _parameters(recipe: str) -> tuple[str, Spec, Spec]:
    assets = graph.build(recipe, recipe_file.load(recipe).recipe).assets
    student = next(asset for name, asset in assets.items() if name.startswith("student/"))
    return student.stage, student.parameters, assets["dataset"].parameters


def _prepare(recipe: str, folder: Path) -> None:
    """The folders `dataset` and `soft_labels`, the latter with random logits."""
    import torch

    from compression_ops.data.dataset import load_description, load_split
    from compression_ops.data.views import Views
    from compression_ops.distillation.soft_labels import save_logits, save_views
    from compression_ops.stages import dataset

    file = recipe_file.load(recipe)
    for name in ("dataset", "soft_labels"):
        (folder / name).mkdir()
    raw = raw_data.obtain(file, home.current())
    dataset.run(_parameters(recipe)[2], {RAW_DATA: raw}, Context(folder / "dataset"))
    views = file.recipe.soft_labels.part(Views).changed(views=_VIEWS)
    save_views(folder / "soft_labels", views)
    samples, classes = len(load_split(folder / "dataset", "train")), load_description(folder / "dataset").classes
    for view in range(_VIEWS):
        save_logits(folder / "soft_labels", view, torch.randn(samples, len(classes)).half())


def _pairs(arguments: argparse.Namespace) -> None:
    idle_threads.let_sleep()
    if os.environ.get("ALL_CORES"):
        from compression_ops.training import threads

        threads._WORK_OF_A_THREAD = 1.0
    _train(arguments)
    alone: list[float] = []
    ratios: list[float] = []
    for _ in range(arguments.pairs):
        alone.append(_train(arguments)[0])
        with _busy(arguments.loops):
            ratios.append(_train(arguments)[0] / alone[-1])
    seconds, result = _train(arguments)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    epoch = statistics.median([*alone, seconds]) / arguments.epochs
    beside = f"beside {arguments.loops} busy loop(s) {statistics.median(ratios):.2f} × ({spread})"
    print(f"alone {epoch:.3f} s an epoch, {beside}, {result.threads} thread(s)")


def _train(arguments: argparse.Namespace) -> tuple[float, StageResult]:
    stage, parameters, _ = _parameters(arguments.recipe)
    inputs = {name: arguments.inputs / name for name in ("dataset", "soft_labels")}
    with tempfile.TemporaryDirectory() as output:
        started = time.perf_counter()
        result = importlib.import_module(stage).run(
            parameters.changed(epochs=arguments.epochs), inputs, Context(Path(output))
        )
        return time.perf_counter() - started, result


@contextmanager
def _busy(loops: int) -> Generator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", _LOOP]) for _ in range(loops)]
    time.sleep(0.2)
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
