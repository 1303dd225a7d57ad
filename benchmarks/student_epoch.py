"""What distillation adds to an epoch: a student on stored soft labels against the same student on labels only.

    python benchmarks/student_epoch.py [--recipe digits] [--runs 5]      (the recipe has been run and has a control)

Both sides see the same augmented views; the two are timed in turn in one process, after a warm-up.
"""

import argparse
import importlib
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from compression_ops.stages.stage import Context
from pipelines.execution import inputs, materialize, status
from pipelines.pipeline import Pipeline


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    pipeline, _ = status.of_recipe(arguments.recipe)
    control = next(name for name in pipeline.graph.assets if name.startswith("control/"))
    student = control.replace("control/", "student/")
    for name in (student, control):
        _seconds(pipeline, name, 1)
    ratios: list[float] = []
    for _ in range(arguments.runs):
        distilled, labels = _seconds(pipeline, student, arguments.epochs), _seconds(pipeline, control, arguments.epochs)
        ratios.append(distilled / labels)
        print(f"soft labels {distilled:.2f} s   labels only {labels:.2f} s   ratio {distilled / labels:.3f}")
    print(f"median ratio {statistics.median(ratios):.3f}")


def _seconds(pipeline: Pipeline, name: str, epochs: int) -> float:
    asset = pipeline.graph.assets[name]
    folders = inputs.load(pipeline, asset, print, partial(materialize.materialize, pipeline, log=print)).folders
    parameters = asset.parameters.changed(epochs=epochs)
    stage = importlib.import_module(asset.stage).run
    with tempfile.TemporaryDirectory() as output:
        started = time.perf_counter()
        stage(parameters, folders, Context(Path(output)))
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
