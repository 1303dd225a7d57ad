"""What each loss gains over the control: one student a loss, each from several seeds, on a recipe's data and teacher.

python benchmarks/methods.py [RECIPE] [--seeds 5] [--losses kd,dkd,...] [--loss kd temperature=2 alpha=0.9]...

The recipe's first student with each loss's defaults, or with the fields that `--loss` states, in a copy of the recipe
below the home: what was trained before is known. Prints the validation and the test accuracy, mean and deviation of
the seeds, and the gain over the control, seed by seed, with its p-value over seeds and samples.
"""

import argparse
import re
from functools import partial
from typing import Any

import numpy as np
import variant
from ruamel.yaml import YAML

from compression_ops import implementations, quantities
from pipelines.pipeline import Pipeline


def main() -> None:
    """Run the copy and print one row a loss."""
    arguments = _arguments()
    losses = {_name(loss): _stated(loss) for loss in arguments.loss or [[each] for each in arguments.losses.split(",")]}
    change = partial(_change, seeds=arguments.seeds, losses=losses)
    pipeline = variant.opened(arguments.recipe, "losses", change)
    frame, seconds = variant.measured(pipeline)
    print("| loss | validation, % | test, % | gain over the control, points | p |\n|---|---|---|---|---|")
    for name in (*(f"student/{loss}" for loss in losses), f"control/{next(iter(losses))}"):
        kind, _, loss = name.partition("/")
        row = frame.loc[name]
        test = f"{100 * row['test_accuracy_mean']:.2f} ± {100 * row['test_accuracy_sd']:.2f}"
        gain, p = row["distillation_gain_points_mean"], row["distillation_gain_points_mean_p_value"]
        compared = f"{quantities.points(gain, 2)} | {p:.2g}" if kind == "student" else " | "
        own = _words(losses[loss]) if kind == "student" else "labels alone"
        print(f"| {own} | {_validation(pipeline, name)} | {test} | {compared} |")
    print(f"\n{arguments.seeds} seeds, {seconds:.0f} s")


def _validation(pipeline: Pipeline, name: str) -> str:
    seeds = [each for each in pipeline.graph.assets if each == name or each.startswith(f"{name}/seed_")]
    entries = [entry for each in seeds if (entry := pipeline.latest(each)) is not None]
    values = 100 * np.array([entry.metrics["validation_accuracy"] for entry in entries])
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def _stated(loss: list[str]) -> dict[str, Any]:
    """["kd", "alpha=1"] -> {"type": "kd", "alpha": 1}."""
    name, *fields = loss
    return {"type": name} | {
        key: YAML(typ="safe").load(value) for key, _, value in (each.partition("=") for each in fields)
    }


def _name(loss: list[str]) -> str:
    """Of its student: letters, digits and underscores."""
    return re.sub(r"\W", "_", "_".join(loss))


def _words(stated: dict[str, Any]) -> str:
    return ", ".join([stated["type"], *(f"{key} {value}" for key, value in stated.items() if key != "type")])


def _change(attributes: dict[str, Any], seeds: int, losses: dict[str, dict[str, Any]]) -> None:
    """Its first student with each loss. All have the same control: of one it is trained, of the others known."""
    student = dict(next(iter(attributes["students"].values())))
    attributes["students"] = {
        name: student | {"loss": loss, "control": True, "seeds": seeds} for name, loss in losses.items()
    }
    attributes["quantized_students"] = {}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    known = implementations.names("distillation.losses")
    parser.add_argument("--losses", default=",".join(known), help="each with its defaults")
    stated = "one loss with fields as in a recipe; may be given several times, instead of --losses"
    parser.add_argument("--loss", nargs="+", action="append", metavar=("NAME", "FIELD=VALUE"), help=stated)
    return parser.parse_args()


if __name__ == "__main__":
    main()
