"""The floor: a recipe's stage functions called one after the other, without Dagster, MLflow, cache or store.

python benchmarks/plain_script.py [RECIPE]
"""

import importlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from compression_ops.progress import silent

from pipelines.graph import graph
from pipelines.observed import raw_data
from pipelines.recipe import file as recipe_file
from pipelines.state import home


def run(name: str) -> float:
    """Run all stages of a recipe in this process; returns the seconds that it took."""
    started = time.perf_counter()
    file = recipe_file.load(name)
    folders = {graph.RAW_DATA: raw_data.obtain(file, home.current())}
    with tempfile.TemporaryDirectory() as scratch:
        for position, asset in enumerate(graph.build(name, file.recipe).assets.values()):
            output = Path(scratch) / str(position)
            output.mkdir()
            stage = importlib.import_module(f"compression_ops.stages.{asset.kind}").run
            stage(_parameters(asset), {key: folders[key] for key in asset.inputs}, output, silent)
            folders[asset.name] = output
    return time.perf_counter() - started


def _parameters(asset: graph.Asset) -> dict[str, Any]:
    """A stage's parameters; the champion's include what the registry and the gates say: nobody reigns, all pass."""
    if asset.kind != "champion":
        return dict(asset.parameters)
    candidates = {name: [] for name in asset.inputs if name.startswith("quantized_student/")}
    return {**asset.parameters, "candidates": candidates, "reigning": None}


if __name__ == "__main__":
    recipe = sys.argv[1] if len(sys.argv) > 1 else "digits"
    print(f"{recipe}: {run(recipe):.2f} s for the stages alone")
