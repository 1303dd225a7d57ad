"""This product's quantization beside its peers': accuracy, bytes, latency and seconds of a recipe's float student.

    python benchmarks/peers/run.py [RECIPE] [--environment FOLDER] [--markdown FILE] [--repetitions 5]

The recipe's student is brought up to date first. Then each tool quantizes it, in a virtual environment of its own
below FOLDER with the versions that `requirements/` pins; the first call installs them from pip's index. Models stay in
FOLDER, so that a later call only measures; what has changed since is made anew. All are calibrated with the same 1,024
samples of the training split, with each tool's defaults otherwise, and run by the same onnxruntime: this product's. A
tool that cannot be installed or fails is a row that says so.
"""

import argparse
from pathlib import Path

import onnxruntime
from platformdirs import user_cache_path

from benchmarks.peers import environment, handover, measure, ours, table
from benchmarks.peers.environment import ToolError
from benchmarks.peers.family import SAMPLES, Family
from benchmarks.peers.handover import Outcome
from benchmarks.peers.table import Row
from compression_ops.errors import CompressionError
from compression_ops.evaluation import processor

OURS = "this product"


def main() -> None:
    """Quantize, measure, print."""
    arguments = _arguments()
    try:
        text = compared(arguments.recipe, arguments.environment.resolve(), arguments.repetitions)
    except CompressionError as error:
        raise SystemExit(str(error)) from error
    print(text)
    if arguments.markdown is not None:
        arguments.markdown.write_text(f"{text}\n", encoding="utf-8")


def compared(recipe: str, root: Path, repetitions: int) -> str:
    """The table of a recipe and the sentences beneath it, in Markdown. Raises CompressionError for the recipe's own."""
    family, folder = Family.of_recipe(recipe), root / "models" / recipe
    given = folder / "given"
    given.mkdir(parents=True, exist_ok=True)
    family.write(given)
    made: dict[str, list[Outcome] | ToolError] = {}
    versions: dict[str, dict[str, str]] = {}
    for tool in environment.TOOLS:
        try:
            versions[tool], made[tool] = environment.quantize(tool, root, given, folder / tool)
        except ToolError as error:
            made[tool] = error
    (folder / OURS).mkdir(exist_ok=True)
    made[OURS] = ours.quantize(family, folder / OURS)
    rows = _rows(made, folder, family.dataset, repetitions)
    return f"{table.markdown(rows)}\n\n{_conditions(repetitions)}\n\n{table.versions(versions)}"


def _rows(made: dict[str, list[Outcome] | ToolError], folder: Path, dataset: Path, repetitions: int) -> list[Row]:
    outcomes = [(tool, one) for tool, found in made.items() if isinstance(found, list) for one in found]
    files = {f"{tool}/{one.file}": folder / tool / one.file for tool, one in outcomes if one.file is not None}
    measured = measure.measure(folder / "given" / handover.MODEL, files, dataset, repetitions)
    rows = [Row("float student", None, measured[""])]
    for tool, found in made.items():
        if isinstance(found, ToolError):
            rows.append(Row(tool, None, found))
            continue
        for one in found:
            failed = ToolError(one.error or "")
            rows.append(Row(tool, one, failed if one.file is None else measured[f"{tool}/{one.file}"]))
    return rows


def _conditions(repetitions: int) -> str:
    found = processor.detect()
    return (
        f"onnxruntime {onnxruntime.__version__}, one thread, one image a call, median and range of {repetitions} "
        f"repetitions; {found.name} ({', '.join(found.extensions)}), {found.logical_cores} logical cores. {SAMPLES:,} "
        "calibration samples."
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="digits")
    default = user_cache_path("compression") / "peers"
    stays = "where tools and models stay between calls; delete it to begin anew (default: %(default)s)"
    parser.add_argument("--environment", type=Path, default=default, help=stays)
    parser.add_argument("--markdown", type=Path, help="write the table to this file too")
    parser.add_argument("--repetitions", type=int, default=5, help="of the measurement of latencies")
    arguments = parser.parse_args()
    if arguments.repetitions < 1:
        parser.error(f"--repetitions is {arguments.repetitions}; allowed is 1 or more")
    if arguments.markdown is not None and not arguments.markdown.resolve().parent.is_dir():
        parser.error(f"--markdown is {arguments.markdown}, whose folder does not exist; make it, or name another file")
    try:
        arguments.environment.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--environment is {arguments.environment}, which is no folder ({error.strerror}); name another")
    return arguments


if __name__ == "__main__":
    main()
