"""A record: a recipe's quantized students over all their seeds, on the test split, as a file below docs/records.

python benchmarks/record.py RECIPE     (runs what is out of date first; an hour, where nothing was trained yet)

Writes docs/records/RECIPE.json. The first quantized student of the recipe counts; `weight_bytes` and `file_bytes` are
those of its first seed's file, and all seeds' files have the same graph. Only `measurements` reads the test split.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import variant

from compression_ops.evaluation import measurements, processor
from pipelines.kinds.kind import repeats
from pipelines.pipeline import Pipeline
from pipelines.recipe import file

_RECORDS = Path(__file__).resolve().parent.parent / "docs" / "records"


def main() -> None:
    """Run the recipe, write the file, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    recipe = parser.parse_args().recipe
    folder, _ = variant.brought_up_to_date(Pipeline.open(recipe), "measurements")
    found = measurements.read(folder)
    model = next(each for each in found.models if each.kind == "quantized_student")
    if model.over_seeds is None:
        raise SystemExit(f"{recipe}: {model.name} is of one seed. Give its student `seeds: 5`")
    accuracy = [round(100 * value, 2) for value in model.over_seeds.values["accuracy"]]
    stated = file.load(recipe).recipe
    first = stated.students[stated.quantized_students[model.name.partition("/")[2]].source.partition("/")[2]].seed
    record = {
        "command": f"python benchmarks/record.py {recipe}",
        "seeds": [first + further for _, further in repeats(model.name, len(accuracy))],
        "test_accuracy": accuracy,
        "mean": round(float(np.mean(accuracy)), 3),
        "sd": round(float(np.std(accuracy, ddof=1)), 3),
        "weight_bytes": model.cost.weight_bytes,
        "file_bytes": model.cost.file_bytes,
        "cpu": processor.detect().name,
    }
    _RECORDS.mkdir(exist_ok=True)
    text = json.dumps(record, indent=2) + "\n"
    (_RECORDS / f"{recipe}.json").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
