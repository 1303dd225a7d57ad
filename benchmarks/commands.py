"""How long the commands take that compute nothing: a run with nothing to do, `status`, `check`.

python benchmarks/commands.py [--recipe digits] [--runs 5]      (the recipe has been run)
"""

import argparse
import statistics
import sys

from process_time import seconds


def main() -> None:
    """Measure each command as a process, in turn, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    recipe = arguments.recipe
    commands = {"run, nothing to do": ["run", recipe, "--json"], "status": ["status", recipe], "check": ["check"]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.runs):
        for name, command in commands.items():
            times[name].append(seconds([sys.executable, "-m", "pipelines.cli.main", *command]))
    for name, values in times.items():
        print(f"{name:20} median {statistics.median(values):.2f} s   ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
