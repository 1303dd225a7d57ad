"""What one edit, its revert, and a run with nothing to do cost against `dvc repro` of the equal pipeline: as ratios.

    python benchmarks/edits_against_dvc.py [--recipe digits] [--epochs 2] [--rounds 3] [--dvc PATH]

The recipe is copied, its trainings are cut to so many epochs, and both sides work in a folder of their own, so
nothing else needs to have been run. The DVC project has a stage for each asset, and each runs the very stage function
of the product on the outputs of its inputs, in a process of its own, as DVC runs all; it depends on the source files
of the modules that the asset's code reaches, and on its parameters, and takes the raw data as they are. The champion
is left out on that side: nothing is registered. DVC sends no analytics.

In each round the temperature of the students' loss becomes another, which concerns the student, its quantized form, the
measurements and the report; then it becomes what it was; then nothing is to be done. The two take turns, and what is
printed is the median of the rounds' ratios. `pip install dvc`, in an environment of its own, brings DVC.
"""

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from against_dvc import copied
from process_time import seconds

from pipelines.graph.asset import RAW_DATA
from pipelines.observed import raw_data
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file
from pipelines.state import home

_STAGE = """\
import importlib, pathlib, sys, yaml
from compression_ops.stages.stage import Context
node, kind, spec, *inputs = sys.argv[1:]
module = importlib.import_module(f"compression_ops.stages.{kind}")
values = yaml.safe_load(pathlib.Path("params.yaml").read_text())[node]
package, _, name = spec.rpartition(".")
parameters = getattr(importlib.import_module(package), name).model_validate(values)
output = pathlib.Path("out", node)
output.mkdir(parents=True, exist_ok=True)
folders = {name: pathlib.Path(path) for name, _, path in (each.partition("=") for each in inputs)}
module.run(parameters, folders, Context(output))
"""
_DEED = "temperature"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dvc", default=shutil.which("dvc"), help="the executable; by default the one on PATH")
    arguments = parser.parse_args()
    if arguments.dvc is None:
        parser.error("there is no dvc on PATH: `pip install dvc` in an environment of its own, and name it by --dvc")
    with tempfile.TemporaryDirectory() as name:
        _compare(Path(name), arguments)


def _compare(folder: Path, arguments: argparse.Namespace) -> None:
    recipe = _copied(folder, arguments.recipe, arguments.epochs)
    os.environ |= {"COMPRESSION_DEFS": str(folder / "defs"), "COMPRESSION_HOME": str(folder / "home")}
    project = folder / "project"
    first = _temperature(recipe)
    ours = [sys.executable, "-m", "pipelines.cli.main", "run", arguments.recipe]
    theirs = [arguments.dvc, "repro"]
    stages = _project(project, arguments.recipe, arguments.dvc)
    print(f"all {stages} stages: {seconds(ours):.1f} s   DVC {seconds(theirs, folder=project):.1f} s")
    found: dict[str, list[tuple[float, float]]] = {"one edit": [], "its revert": [], "nothing to do": []}
    for number in range(arguments.rounds):
        for deed, temperature in (("one edit", first + 1 + number), ("its revert", first), ("nothing to do", first)):
            _edit(recipe, temperature)
            _write_parameters(project, arguments.recipe)
            found[deed].append((seconds(ours), seconds(theirs, folder=project)))
    for deed, times in found.items():
        own, other = (statistics.median(each) for each in zip(*times, strict=True))
        ratio = statistics.median(one / two for one, two in times)
        print(f"{deed:14} {own:6.2f} s   DVC {other:6.2f} s   ratio {ratio:.2f} (median of {len(times)})")


def _copied(folder: Path, recipe: str, epochs: int) -> Path:
    """The recipe's file in a folder of its own, all trainings that short."""
    path = folder / "defs" / recipe / recipe_file.FILE_NAME
    path.parent.mkdir(parents=True)
    content = yaml.safe_load(recipe_file.path_of(recipe).read_text(encoding="utf-8"))
    attributes = content["attributes"]
    for training in (attributes["teacher"], *attributes["students"].values()):
        training["epochs"] = epochs
    attributes["soft_labels"]["views"] = epochs
    attributes["automation"] = {"mode": "off"}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def _losses(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [student["loss"] for student in content["attributes"]["students"].values() if _DEED in student["loss"]]


def _temperature(recipe: Path) -> float:
    return float(_losses(yaml.safe_load(recipe.read_text()))[0][_DEED])


def _edit(recipe: Path, temperature: float) -> None:
    content = yaml.safe_load(recipe.read_text())
    for loss in _losses(content):
        loss[_DEED] = temperature
    recipe.write_text(yaml.safe_dump(content, sort_keys=False))


def _write_parameters(project: Path, recipe: str) -> None:
    assets = Pipeline.open(recipe).graph.assets.values()
    (project / "params.yaml").write_text(yaml.safe_dump({asset.node: asset.values for asset in assets}))


def _project(folder: Path, recipe: str, dvc: str) -> int:
    """Make the project in a folder; returns the number of its stages."""
    folder.mkdir()
    (folder / "stage.py").write_text(_STAGE)
    pipeline = Pipeline.open(recipe)
    assets, raw = pipeline.graph.assets, raw_data.obtain(pipeline.file, home.current())
    stages = dict[str, Any]()
    for asset in assets.values():
        if asset.kind == "champion":
            continue
        files = [copied(module, folder) for module in asset.code_digests]
        inputs = [name for name in asset.inputs if name in assets]
        given = [f"{RAW_DATA}={raw}"] if RAW_DATA in asset.inputs else []
        spec = type(asset.parameters)
        command = [sys.executable, "stage.py", asset.node, asset.kind, f"{spec.__module__}.{spec.__qualname__}"]
        stages[asset.node] = {
            "cmd": shlex.join([*command, *(f"{name}=out/{assets[name].node}" for name in inputs), *given]),
            "deps": [*files, *(f"out/{assets[name].node}" for name in inputs)],
            "params": [asset.node] if asset.values else [],
            "outs": [f"out/{asset.node}"],
        }
    _write_parameters(folder, recipe)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for command in (["init", "--no-scm"], ["config", "core.analytics", "false"]):
        subprocess.run([dvc, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return len(stages)


if __name__ == "__main__":
    main()
