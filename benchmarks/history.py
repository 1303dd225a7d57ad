"""What `compression status` costs with a long history, against one entry an asset: as a ratio.

    python benchmarks/history.py [--recipe digits] [--entries 5000] [--runs 7]      (the recipe has been run)

Both homes are copies of the present one; in one of them the newest entry of every asset stands so often. The newest
entry is read from the end of its file, so the floor is a ratio of 1.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from process_time import seconds

from pipelines.state import home


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--entries", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes = {entries: _copy(Path(folder) / str(entries), entries) for entries in (1, arguments.entries)}
        command = [sys.executable, "-m", "pipelines.cli.main", "status", arguments.recipe]
        times: dict[int, list[float]] = {entries: [] for entries in homes}
        for _ in range(arguments.runs + 1):
            for entries, copy in homes.items():
                times[entries].append(seconds(command, {"COMPRESSION_HOME": str(copy)}))
    medians = {entries: statistics.median(values[1:]) for entries, values in times.items()}
    for entries, median in medians.items():
        print(f"{entries:6} entries an asset   status {median:.3f} s")
    print(f"ratio {medians[arguments.entries] / medians[1]:.2f}")


def _copy(folder: Path, entries: int) -> Path:
    """A home like the present one with that many entries an asset."""
    shutil.copytree(home.current().root, folder, ignore=shutil.ignore_patterns("mlflow", "dagster"))
    for path in (folder / "history").rglob("*.jsonl"):
        newest = path.read_bytes().splitlines(keepends=True)[-1]
        path.write_bytes(newest * entries)
    return folder


if __name__ == "__main__":
    main()
