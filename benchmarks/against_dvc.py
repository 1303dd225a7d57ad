"""What `status` and a run with nothing to do cost, against DVC on an equal pipeline: as a ratio, both warm.

    python benchmarks/against_dvc.py [--recipe digits] [--runs 7] [--dvc PATH]      (the recipe has been run)

The DVC project has a stage for each asset of the recipe. A stage depends on the source files of the modules that the
asset's code reaches, on the outputs of its inputs and on its parameters, and has run once; DVC sends no analytics. The
commands take turns, each a process of its own; the ratio is that of the medians. `pip install dvc`, in an environment
of its own, brings it.

The floor of either side is its imports. Of ours, `python -X importtime -m pipelines.cli.main status digits` says:
pydantic, rich, typer, ruamel.yaml and fsspec, two thirds of what is left after Python's own start.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml
from process_time import seconds

from compression_ops.implementations import find_module
from pipelines.pipeline import Pipeline

_MAKE = "import pathlib, sys; path = pathlib.Path('out', sys.argv[1]); path.write_text(sys.argv[1] * 1000)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--dvc", default=shutil.which("dvc"), help="the executable; by default the one on PATH")
    arguments = parser.parse_args()
    if arguments.dvc is None:
        parser.error("there is no dvc on PATH: `pip install dvc` in an environment of its own, and name it by --dvc")
    recipe = arguments.recipe
    ours = [sys.executable, "-m", "pipelines.cli.main"]
    pairs = {
        "status": ([*ours, "status", recipe], [arguments.dvc, "status"]),
        "run, nothing to do": ([*ours, "run", recipe], [arguments.dvc, "repro"]),
    }
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        count = _project(project, Pipeline.open(recipe), arguments.dvc)
        print(f"{count} assets; a DVC project of {count} stages")
        for name, (product, dvc) in pairs.items():
            medians = _medians(product, dvc, project, arguments.runs)
            print(f"{name:20} {medians[0]:.3f} s   DVC {medians[1]:.3f} s   ratio {medians[0] / medians[1]:.2f}")


def _project(folder: Path, pipeline: Pipeline, dvc: str) -> int:
    """Make the project in a folder and run it once; returns the number of its stages."""
    (folder / "out").mkdir()
    (folder / "make.py").write_text(_MAKE)
    stages, parameters = {}, {}
    for asset in pipeline.graph.assets.values():
        files = [copied(module, folder) for module in asset.code_digests]
        made_from = [pipeline.graph.assets[known].node for known in asset.inputs if known in pipeline.graph.assets]
        parameters[asset.node] = asset.values
        stages[asset.node] = {
            "cmd": f"{sys.executable} make.py {asset.node}",
            "deps": [*files, *(f"out/{known}" for known in made_from)],
            "params": [asset.node] if asset.values else [],
            "outs": [f"out/{asset.node}"],
        }
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters))
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for command in (["init", "--no-scm"], ["config", "core.analytics", "false"], ["repro"]):
        subprocess.run([dvc, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return len(stages)


def copied(module: str, folder: Path) -> str:
    """A module's file in the project; the name relative to it."""
    source = find_module(module)
    assert source is not None
    parts = module.split(".")
    relative = Path("code", *(parts if source.name == "__init__.py" else parts[:-1]), source.name)
    (folder / relative).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / relative)
    return str(relative)


def _medians(product: Sequence[str], dvc: Sequence[str], project: Path, runs: int) -> tuple[float, float]:
    """Median seconds of either command; a first, cold one of each is not counted."""
    times = [(seconds(product), seconds(dvc, folder=project)) for _ in range(runs + 1)]
    ours, theirs = zip(*times[1:], strict=True)
    return statistics.median(ours), statistics.median(theirs)


if __name__ == "__main__":
    main()
