"""What a table costs to read: memory and time, of numbers and of categories.

    python benchmarks/table_memory.py [--megabytes 200] [--runs 3]

CSV files of so many megabytes are made below a temporary folder: one of 20 columns of numbers with six decimals, one of
8 columns of 30 names and 4 of numbers, one of 4 columns of names in double quotes and 6 of numbers; and the first as
Parquet. Each is read in a process of its own. Peaks are the kernel's high-water marks of resident memory beyond what
the process had before, pyarrow counted; kept is what the samples take; asked for is what the reader said before it read
on. Seconds are the processor's; all are medians.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

_PROJECT = Path(__file__).resolve().parent.parent
_ROWS = 2000  # that are drawn at a time


def main() -> None:
    """Measure and print; with `--read`, be the process that one file is read in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(_read(Path(arguments.read))))
        return
    with tempfile.TemporaryDirectory(prefix="table-memory-") as folder:
        for path in _written(Path(folder), arguments.megabytes * 10**6):
            command = [sys.executable, __file__, "--read", str(path)]
            environment = os.environ | {"PYTHONPATH": str(_PROJECT)}
            runs = [
                json.loads(subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout)
                for _ in range(arguments.runs)
            ]
            told = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            print(
                f"{path.name:20} {path.stat().st_size / 1e6:5.0f} MB  peak {told['peak'] / 1e6:5.0f} MB  "
                f"kept {told['kept'] / 1e6:5.0f} MB  asked for {told['asked'] / 1e6:5.0f} MB  {told['seconds']:6.1f} s"
            )
            path.unlink()


def _written(folder: Path, size: int) -> Iterator[Path]:
    draw = np.random.default_rng(0)

    def numbers() -> list[list[str]]:
        return [[f"{value:.6f}" for value in row] for row in draw.normal(size=(_ROWS, 20)).tolist()]

    def categories() -> list[list[str]]:
        names, counts = draw.integers(0, 30, (_ROWS, 8)).tolist(), draw.integers(0, 999, (_ROWS, 4)).tolist()
        return [[f"name {each}" for each in row] + list(map(str, own)) for row, own in zip(names, counts, strict=True)]

    def quoted() -> list[list[str]]:
        names, values = draw.integers(0, 30, (_ROWS, 4)).tolist(), draw.normal(size=(_ROWS, 6)).tolist()
        return [
            [f'"n{each}"' for each in row] + [f"{v:.5f}" for v in own] for row, own in zip(names, values, strict=True)
        ]

    kinds: list[Callable[[], list[list[str]]]] = [numbers, categories, quoted]
    for kind in kinds:
        path = folder / f"{kind.__name__}.csv"
        with path.open("w") as file:
            file.write(",".join([*(f"c{column}" for column in range(len(kind()[0]))), "y"]) + "\n")
            while file.tell() < size:
                classes = draw.integers(0, 2, _ROWS).tolist()
                file.writelines(",".join(row) + f",{each}\n" for row, each in zip(kind(), classes, strict=True))
        if kind is numbers:
            yield _as_parquet(path)
        yield path


def _as_parquet(path: Path) -> Path:
    from pyarrow import csv, parquet

    parquet.write_table(csv.read_csv(path), path.with_suffix(".parquet"), row_group_size=1 << 17)
    return path.with_suffix(".parquet")


def _read(path: Path) -> dict[str, float]:
    from compression_ops.data.storage import memory

    asked, original = [0], memory.held

    def held(where: str, needed: int, *rest: Any) -> AbstractContextManager[None]:
        asked.append(needed)
        return original(where, needed, *rest)

    memory.held = held
    source = path.suffix.removeprefix(".")
    module = importlib.import_module(f"compression_ops.data.sources.{source}")
    spec = getattr(module, {"csv": "CSV", "parquet": "Parquet"}[source])
    before, started = _status("VmRSS"), time.process_time()
    raw = module.read(spec.model_validate({"source": source, "path": str(path), "target": "y"}), path)
    seconds = time.process_time() - started
    peak, kept = _status("VmHWM") - before, raw.train.values.nbytes + raw.train.labels.nbytes
    return {"seconds": seconds, "peak": peak, "kept": kept, "asked": max(asked)}


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


if __name__ == "__main__":
    main()
