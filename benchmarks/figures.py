"""The figures in the README: accuracy, size and speed of a recipe's models, from its newest report.

python benchmarks/figures.py [RECIPE] [--seeds N]      (runs what is out of date first)

With `--seeds` it is a copy of the recipe below the home whose students are trained from so many seeds.
"""

import argparse
from functools import partial
from typing import Any

import variant

from compression_ops.report import files
from pipelines.pipeline import Pipeline

_COLUMNS = {
    "model": "model",
    "test_accuracy": "test accuracy",
    "parameters": "parameters",
    "file_bytes": "file bytes",
    "latency_p50_us_batch1": "latency batch 1, µs",
}


def main() -> None:
    """Bring the recipe up to date and print one row a model, and each model against the teacher."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="digits")
    parser.add_argument("--seeds", type=int)
    arguments = parser.parse_args()
    pipeline = _opened(arguments.recipe, arguments.seeds)
    folder, report = variant.brought_up_to_date(pipeline, "benchmark_report")
    frame = files.read_frame(folder)
    table = frame[list(_COLUMNS)].rename(columns=_COLUMNS)
    teacher = frame.iloc[0]
    table["parameters ÷"] = (teacher["parameters"] / frame["parameters"]).round(1)
    table["bytes ÷"] = (teacher["file_bytes"] / frame["file_bytes"]).round(1)
    table["faster ×"] = (teacher["latency_p50_us_batch1"] / frame["latency_p50_us_batch1"]).round(1)
    if "seeds" in frame:
        table["seeds"], accuracy = frame["seeds"], 100 * frame["test_accuracy_mean"]
        table["mean ± sd, %"] = [
            "" if seeds != seeds else f"{mean:.2f} ± {100 * deviation:.2f}"
            for seeds, mean, deviation in zip(frame["seeds"], accuracy, frame["test_accuracy_sd"], strict=True)
        ]
        table["gain over control, points"] = frame["distillation_gain_points_mean"].round(3)
        table["p"] = frame["distillation_gain_points_mean_p_value"].round(3)
    print(table.to_markdown(index=False, floatfmt=".4g"))
    seconds = {item.asset: round(item.seconds, 1) for item in report.outcomes if item.outcome == "computed"}
    print(f"\ncomputed now: {seconds or 'nothing'}, {report.seconds:.1f} s in all")


def _opened(recipe: str, seeds: int | None) -> Pipeline:
    return variant.opened(recipe, "seeds", partial(_change, seeds=seeds)) if seeds else Pipeline.open(recipe)


def _change(attributes: dict[str, Any], seeds: int) -> None:
    for student in attributes["students"].values():
        student["seeds"] = seeds


if __name__ == "__main__":
    main()
