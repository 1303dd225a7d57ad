"""The floor: a recipe's stage functions called one after the other, without Dagster, MLflow, cache or store.

python benchmarks/plain_script.py [RECIPE]
"""

import importlib
import sys
import tempfile
import time
from pathlib import Path

from compression_ops.spec import Spec
from compression_ops.stages.champion import Champion
from compression_ops.stages.stage import Context
from pipelines.graph.asset import RAW_DATA, Asset
from pipelines.kinds import graph
from pipelines.observed import raw_data
from pipelines.recipe import file as recipe_file
from pipelines.state import home


def run(name: str) -> float:
    """Run all stages of a recipe in this process; returns the seconds that it took."""
    started = time.perf_counter()
    file = recipe_file.load(name)
    folders = {RAW_DATA: raw_data.obtain(file, home.current())}
    with tempfile.TemporaryDirectory() as scratch:
        for position, asset in enumerate(graph.build(name, file.recipe).assets.values()):
            output = Path(scratch) / str(position)
            output.mkdir()
            inputs = {key: folders[key] for key in asset.inputs}
            importlib.import_module(asset.stage).run(_parameters(asset), inputs, Context(output))
            folders[asset.name] = output
    return time.perf_counter() - started


def _parameters(asset: Asset) -> Spec:
    """A stage's parameters; the champion's include what the registry and the gates say: nobody is there, all pass."""
    if not isinstance(asset.parameters, Champion):
        return asset.parameters
    candidates = {name: [] for name in asset.inputs if name.startswith("quantized_student/")}
    return asset.parameters.changed(candidates=candidates)


if __name__ == "__main__":
    recipe = sys.argv[1] if len(sys.argv) > 1 else "digits"
    print(f"{recipe}: {run(recipe):.2f} s for the stages alone")
