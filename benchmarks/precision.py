"""What fewer bits cost, and what a method wins back: a recipe's first student from several seeds, quantized many ways.

python benchmarks/precision.py [RECIPE] [--seeds 5] [--bits 4,3,2]

In a copy of the recipe below the home: what was trained before is known. For each number of weight bits the student as
it was trained, with learned rounding, and trained further with learned step sizes (LSQ). Prints mean and
deviation of the seeds, the change against the float student, seed by seed, with its p-value over seeds and samples, and
the size of the first seed's file.
"""

import argparse
from functools import partial
from typing import Any

import variant

from compression_ops import quantities


def main() -> None:
    """Run the copy and print one row a quantized student."""
    arguments = _arguments()
    bits = [int(each) for each in arguments.bits.split(",")]
    pipeline = variant.opened(arguments.recipe, "precision", partial(_change, seeds=arguments.seeds, bits=bits))
    frame, seconds = variant.measured(pipeline)
    print("| model | test, % | change against float, points | p | weights, bytes | file, bytes |")
    print("|---|---|---|---|---|---|")
    for name, row in frame.iterrows():
        test = f"{100 * row['test_accuracy_mean']:.2f} ± {100 * row['test_accuracy_sd']:.2f}"
        change, p = row["accuracy_change_points_mean"], row["accuracy_change_points_mean_p_value"]
        change_words = quantities.points(change, 2) if str(name).startswith("quantized") else quantities.MISSING
        sizes = f"{row['weight_bytes']:,} | {row['file_bytes']:,}"
        print(f"| {name} | {test} | {change_words} | {p:.2g} | {sizes} |")
    print(f"\n{arguments.seeds} seeds, {seconds:.0f} s")


def _quantized(student: str, bits: list[int], learning: dict[str, Any]) -> dict[str, Any]:
    stated: dict[str, Any] = {"student": student, "calibration": {"method": "minmax", "samples": 512}}
    found = {"int8": stated}
    for width in bits:
        narrow = stated | {"weight_bits": width}
        found[f"int{width}"] = narrow
        found[f"int{width}_adaround"] = narrow | {"rounding": "adaround", "bias_correction": True}
        found[f"int{width}_lsq"] = narrow | {"method": {"type": "lsq", **learning}}
    return found


def _change(attributes: dict[str, Any], seeds: int, bits: list[int]) -> None:
    """Its first student without a control, quantized in each way."""
    name, student = next(iter(attributes["students"].items()))
    attributes["students"] = {name: student | {"control": False, "seeds": seeds}}
    learning = {
        "epochs": student["epochs"],
        "batch_size": student["batch_size"],
        "learning_rate": student["learning_rate"],
        "weight_decay": 0.0,
        "loss": student["loss"],
        "seed": student["seed"],
    }
    attributes["quantized_students"] = _quantized(name, bits, learning)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--bits", default="4,3,2")
    return parser.parse_args()


if __name__ == "__main__":
    main()
