"""What each loss gains over the control: one student a loss, each from several seeds, on a recipe's data and teacher.

python benchmarks/methods.py [RECIPE] [--seeds 5] [--losses kd,dkd,...]

The recipe's first student with each loss's defaults, in a copy of the recipe below the home: what was
trained before is known. Prints the validation and the test accuracy, mean and deviation of the seeds, and the gain over
the control, seed by seed, with its p-value over seeds and samples.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from compression_ops import implementations, quantities
from compression_ops.report import files
from pipelines.commands import run
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file
from pipelines.state import home


def main() -> None:
    """Run the copy and print one row a loss."""
    arguments = _arguments()
    os.environ["COMPRESSION_DEFS"] = str(_copy(arguments.recipe, arguments.seeds, arguments.losses.split(",")))
    pipeline = Pipeline.open(f"{arguments.recipe}_losses")
    report = run.run(pipeline)
    if report.named("failed"):
        raise SystemExit(next(item.cause for item in report.outcomes if item.cause))
    entry = pipeline.latest("benchmark_report")
    assert entry is not None
    frame = files.read_frame(pipeline.store.fetch(entry.artifact)).set_index("model")
    print("| loss | validation, % | test, % | gain over the control, points | p |\n|---|---|---|---|---|")
    for name, row in frame[frame["seeds"].notna()].iterrows():
        kind, _, loss = str(name).partition("/")
        if kind == "student" or loss == "kd":
            gain, p = row["distillation_gain_points_mean"], row["distillation_gain_points_mean_p_value"]
            test = f"{100 * row['test_accuracy_mean']:.2f} ± {100 * row['test_accuracy_sd']:.2f}"
            own = loss if kind == "student" else "labels alone"
            print(f"| {own} | {_validation(pipeline, str(name))} | {test} | {quantities.points(gain, 2)} | {p:.2g} |")
    print(f"\n{arguments.seeds} seeds, {report.seconds:.0f} s")


def _validation(pipeline: Pipeline, name: str) -> str:
    seeds = [each for each in pipeline.graph.assets if each == name or each.startswith(f"{name}/seed_")]
    entries = [entry for each in seeds if (entry := pipeline.latest(each)) is not None]
    values = 100 * np.array([entry.metrics["validation_accuracy"] for entry in entries])
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def _copy(recipe: str, seeds: int, losses: list[str]) -> Path:
    """The folder of a recipe `<recipe>_losses`."""
    yaml = YAML(typ="rt")
    content: dict[str, Any] = yaml.load(recipe_file.path_of(recipe))  # pyright: ignore[reportUnknownMemberType]
    attributes = content["attributes"]
    student = dict(next(iter(attributes["students"].values())))
    attributes["students"] = {
        # Every student has the same control: of one of them it is trained, of the others known.
        loss: student | {"loss": {"type": loss}, "control": True, "seeds": seeds}
        for loss in losses
    }
    attributes["quantized_students"] = {}
    attributes["automation"] = {"mode": "off"}
    attributes.pop("schedule", None)
    folder = home.current().root / "benchmarks"
    target = folder / f"{recipe}_losses" / recipe_file.FILE_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w") as stream:
        yaml.dump(content, stream)  # pyright: ignore[reportUnknownMemberType]
    return folder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    known = implementations.names("distillation.losses")
    parser.add_argument("--losses", default=",".join(known))
    return parser.parse_args()


if __name__ == "__main__":
    main()
