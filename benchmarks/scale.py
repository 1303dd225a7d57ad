"""How a run of many variants scales: students of one recipe, by executor and workers, against Amdahl's bound.

    python benchmarks/scale.py [--variants 1 10] [--epochs 40] [--executors in_process:1 multiprocess:1 multiprocess:2]

The data set, the teacher and the soft labels are there before; each run starts from a copy of that home and trains its
students alone, one thread each. `stages` is the sum of what the stages took by themselves, as their entries say; `rest`
is what was left of the wall's time: starts, imports, Dagster, MLflow. With one worker both follow each other; with more
only the stages can be side by side, so Amdahl's bound is rest + stages / workers, of the run with one worker. In a
process of its own each asset's start is side by side as well, so a run can be quicker than this bound.

Last come, on paper, a thousand variants of a stage of so many seconds: what each variant cost beyond its stage is taken
from the largest run.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from process_time import seconds
from ruamel.yaml import YAML

_RECIPE = "scale"
_IMPORTS = """
import importlib, time
from pipelines.orchestration.executors.multiprocess import IMPORTED
started = time.process_time()
for name in IMPORTED:
    importlib.import_module(name)
print(f"imports of a process that is not forked: {time.process_time() - started:.1f} s of the processor")
"""
_ON_PAPER, _SECONDS, _WORKERS = 1000, (1, 60, 3600), (1, 2, 8, 32)


def recipe(variants: int, epochs: int) -> dict[str, object]:
    """A recipe with so many students, which differ by their seed."""
    student = {"architecture": "tiny_cnn", "learning_rate": 0.01, "loss": {"type": "kd"}, "control": False}
    return {
        "dataset": {"source": "digits"},
        "teacher": {"architecture": "simple_cnn", "epochs": 1, "learning_rate": 0.01},
        "soft_labels": {"views": 1},
        "students": {f"s{number}": {**student, "epochs": epochs, "seed": number} for number in range(variants)},
        "quantized_students": {},
        "automation": {"mode": "off"},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--executors", nargs="+", default=["in_process:1", "multiprocess:1", "multiprocess:2"])
    arguments = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start: a busy machine's figures are none",
        flush=True,
    )
    subprocess.run([sys.executable, "-c", _IMPORTS], cwd=Path(__file__).parents[1], check=True)
    beyond: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for variants in arguments.variants:
            template = Path(scratch) / f"template{variants}"
            _write(template, recipe(variants, arguments.epochs))
            _run(template, "in_process", 1, "soft_labels")
            first: dict[str, tuple[float, float]] = {}
            for stated in arguments.executors:
                name, _, workers = stated.partition(":")
                home = Path(scratch) / f"{name}{workers}of{variants}"
                shutil.copytree(template, home)
                wall = _run(home, name, int(workers), "student/*")
                stages = _stages(home)
                rest, whole = first.setdefault(name, (wall - stages, stages))
                bound = rest + whole / int(workers)
                beyond[stated] = max(wall * int(workers) - stages, 0.0) / variants
                print(
                    f"{variants:5} variants  {stated:15} wall {wall:7.1f} s  stages {stages:7.1f} s  "
                    f"rest {wall - stages:6.1f} s  Amdahl's bound {bound:7.1f} s"
                )
    for stated, cost in beyond.items():
        _on_paper(stated, cost)


def _on_paper(stated: str, cost: float) -> None:
    """What follows for a thousand variants, if each costs its stage and what it cost beyond that here."""
    for length in _SECONDS:
        walls = ", ".join(f"{workers}: {_ON_PAPER * (length + cost) / workers / 3600:.2f} h" for workers in _WORKERS)
        print(f"{_ON_PAPER} variants of {length} s, {cost:.1f} s more each as with {stated}; by workers {walls}")


def _write(home: Path, stated: dict[str, object]) -> None:
    file = home / "defs" / _RECIPE / "defs.yaml"
    file.parent.mkdir(parents=True)
    YAML().dump({"type": "pipelines.CompressionPipeline", "attributes": stated}, file)


def _run(home: Path, executor: str, workers: int, select: str) -> float:
    variables = {
        "COMPRESSION_HOME": str(home / "home"),
        "COMPRESSION_DEFS": str(home / "defs"),
        "COMPRESSION_EXECUTOR": executor,
        "COMPRESSION_WORKERS": str(workers),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "pipelines.cli.main", "run", _RECIPE, "--json", "--select", select]
    return seconds(command, variables)


def _stages(home: Path) -> float:
    """Of the newest entry of each student."""
    files = (home / "home" / "history" / _RECIPE / "student").glob("*.jsonl")
    return sum(json.loads(file.read_text().splitlines()[-1])["seconds"] for file in files)


if __name__ == "__main__":
    main()
