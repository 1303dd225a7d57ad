"""What a further asset costs in a run: students of one epoch, each quantized, through Dagster and MLflow.

    python benchmarks/many_assets.py [--students 100] [--home FOLDER]

The recipe is scikit-learn's digits with a teacher of one epoch. A run with one student makes what all share; a second
run adds the others, so each of its assets is a further one; its seconds hold one start of the command. With --home the
home is kept, for `automation_tick.py`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from process_time import seconds
from ruamel.yaml import YAML

_RECIPE = "many"


def recipe(students: int) -> dict[str, object]:
    """A recipe with so many students, each quantized."""
    student = {"architecture": "tiny_cnn", "epochs": 1, "learning_rate": 0.01, "loss": {"type": "kd"}, "control": False}
    names = [f"s{number}" for number in range(students)]
    return {
        "dataset": {"source": "digits"},
        "teacher": {"architecture": "simple_cnn", "epochs": 1, "learning_rate": 0.01},
        "soft_labels": {"views": 1},
        "students": {name: {**student, "seed": seed} for seed, name in enumerate(names)},
        "quantized_students": {name: {"student": name, "calibration": {"method": "minmax"}} for name in names},
        "benchmark": {"iterations": 10},
        "automation": {"mode": "on"},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--home", type=Path, help="kept; a temporary one by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = (arguments.home or Path(scratch)).resolve()
        first = _run(home, 1)
        rest = _run(home, arguments.students)
    further = 2 * (arguments.students - 1)
    print(f"first run, with one student: {first:.1f} s")
    print(f"{further} further assets: {rest:.1f} s, {rest / further:.2f} s each")


def _run(home: Path, students: int) -> float:
    write(home, students)
    command = [sys.executable, "-m", "pipelines.cli.main", "run", _RECIPE, "--select", "quantized_student/*", "--json"]
    return seconds(command, environment(home))


def write(home: Path, students: int) -> None:
    """Write the recipe with so many students beside the home."""
    folder = home / "defs" / _RECIPE
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "defs.yaml").open("w") as stream:
        YAML().dump({"type": "pipelines.CompressionPipeline", "attributes": recipe(students)}, stream)


def environment(home: Path) -> dict[str, str]:
    """The variables of a command that works in that home."""
    return {
        "COMPRESSION_HOME": str(home / "home"),
        "COMPRESSION_DEFS": str(home / "defs"),
    }


if __name__ == "__main__":
    main()
