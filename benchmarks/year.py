"""What a year does to a home: commands, ticks, pages and sizes, fresh, after the year, and after `compression gc`.

    python benchmarks/year.py [--students 1] [--materializations 5000] [--days 365] [--keep 30] [--repeats 3] [--home F]

Three homes of one recipe, in which everything is up to date but the champion: one in which every asset was materialized
once, one in which that happened until there were so many materializations, each a run of its own in Dagster and in
MLflow, and a copy of that one after `compression gc --days KEEP --mlflow` and `mlflow gc`. `--students 498` makes 1,000
assets. Times are taken in turn; the columns beside them are ratios to the fresh home. A tick is evaluated as Dagster's
daemon does, from the cursor of the one before. Pages are answered by the servers of `compression ui`: what the Dagster
pages of all assets and of the runs ask for, and MLflow's list of runs. How the homes are made: `year_home.py`.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import many_assets
from process_time import seconds
from year_home import RECIPE, make

_CLI = [sys.executable, "-m", "pipelines.cli.main"]
_PROJECT = Path(__file__).resolve().parent.parent
_RUNS = "{ runsOrError(limit: 25) { ... on Runs { results { id status startTime assetSelection { path } } } } }"
_ASSETS = "{ assetNodes { assetKey { path } staleStatus assetMaterializations(limit: 1) { timestamp runId } } }"
_PARTS = {
    "histories": ("history",),
    "store": ("store",),
    "Dagster, databases": ("dagster/history/runs.db", "dagster/history/runs/index.db", "dagster/schedules"),
    "Dagster, runs": ("dagster/history/runs", "dagster/storage"),
    "MLflow, database": ("mlflow/mlflow.db", "mlflow/mlflow.db-wal"),
    "all": ("",),
}
_TICK = """
import sys, time, dagster as dg
from pipelines.orchestration import assets, instance
from pipelines.pipeline import Pipeline
pipeline = Pipeline.open(sys.argv[1])
with instance.opened(pipeline.home) as opened:
    found, cursor = assets.definitions(pipeline), None
    for _ in range(3):
        started = time.perf_counter()
        result = dg.evaluate_automation_conditions(defs=found, instance=opened, cursor=cursor)
        cursor, took = result.cursor, time.perf_counter() - started
print(took, result.total_requested)
"""


def main() -> None:
    """Make the homes, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=1)
    parser.add_argument("--materializations", type=int, default=5000)
    parser.add_argument("--days", type=float, default=365)
    parser.add_argument("--keep", type=float, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--home", type=Path, help="where the homes are kept, and taken from the next time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = (arguments.home or Path(scratch)).resolve()
        folders = {name: root / name for name in ("fresh", "a year", "collected")}
        if not folders["collected"].exists():
            _made(folders, arguments)
        times = _times(folders, arguments.repeats)
        _print(folders, times)


def _made(folders: Mapping[str, Path], arguments: argparse.Namespace) -> None:
    for name, number in {"fresh": 1, "a year": arguments.materializations}.items():
        if folders[name].exists():
            continue
        begun = folders[name].with_name("making")
        shutil.rmtree(begun, ignore_errors=True)
        started = time.perf_counter()
        assets = make(begun, arguments.students, number, arguments.days)
        begun.rename(folders[name])
        print(f"{name}: {assets} assets, made in {time.perf_counter() - started:.0f} s", flush=True)
    begun = folders["collected"].with_name("collecting")
    shutil.rmtree(begun, ignore_errors=True)
    shutil.copytree(folders["a year"], begun)
    for path in (begun / "home" / "store" / "artifacts").rglob("manifest.json"):
        os.utime(path, (0, 0))  # `gc` leaves alone what was stored within the hour
    variables = many_assets.environment(begun)
    for further in (["--dry-run"], []):
        command = [*_CLI, "gc", "--days", f"{arguments.keep:g}", "--mlflow", *further]
        started = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment(variables))
        print(f"gc {' '.join(further)}: {time.perf_counter() - started:.0f} s\n{done.stdout}", flush=True)
    database = f"sqlite:///{begun / 'home' / 'mlflow' / 'mlflow.db'}"
    emptied = ["-m", "mlflow", "gc", "--backend-store-uri", database, "--tracking-uri", database]
    seconds([sys.executable, *emptied], variables)
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as found:
        found.execute("VACUUM")
    begun.rename(folders["collected"])


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_PROJECT), **variables}


def _times(folders: Mapping[str, Path], repeats: int) -> dict[str, dict[str, float]]:
    """{what: {home: median seconds}}, each in turn."""
    found: dict[str, dict[str, list[float]]] = {}

    def note(what: str, home: str, value: float) -> None:
        found.setdefault(what, {}).setdefault(home, []).append(value)

    for _ in range(repeats):
        for name, folder in folders.items():
            variables = many_assets.environment(folder)
            note("status", name, seconds([*_CLI, "status", RECIPE], variables))
            selected = ["--select", "quantized_student/*"]  # all but what judges them
            note("run, nothing to do", name, seconds([*_CLI, "run", RECIPE, *selected, "--json"], variables))
    for name, folder in folders.items():
        tick = [sys.executable, "-c", _TICK, RECIPE]
        variables = many_assets.environment(folder)
        done = subprocess.run(tick, check=True, capture_output=True, text=True, env=_environment(variables))
        took, requested = done.stdout.split()[-2:]
        note("a tick", name, float(took))
        print(f"{name}: a tick requests {requested}", flush=True)
        for what, took in _pages(folder, repeats).items():
            note(what, name, took)
    return {what: {home: statistics.median(values) for home, values in each.items()} for what, each in found.items()}


def _pages(folder: Path, repeats: int) -> dict[str, float]:
    """The median seconds of each page's questions, from `compression ui` with a recipe that no daemon computes."""
    dagster, mlflow = _free(), _free()
    variables = many_assets.environment(folder) | {"COMPRESSION_DEFS": str(folder / "quiet")}
    command = [*_CLI, "ui", "--port", str(dagster), "--mlflow-port", str(mlflow)]
    log = (folder / "ui.log").open("w")
    serving = subprocess.Popen(command, env=_environment(variables), stdout=log, stderr=log)
    graphql, search = (
        f"http://127.0.0.1:{dagster}/graphql",
        f"http://127.0.0.1:{mlflow}/ajax-api/2.0/mlflow/runs/search",
    )
    asked: dict[str, Callable[[], Any]] = {
        "page of all assets": lambda: _post(graphql, {"query": _ASSETS}),
        "page of runs": lambda: _post(graphql, {"query": _RUNS}),
        "MLflow's list of runs": lambda: _post(search, {"experiment_ids": ["1"], "max_results": 100}),
    }
    try:
        while "Ctrl-C ends" not in (folder / "ui.log").read_text():
            if serving.poll() is not None:
                raise SystemExit((folder / "ui.log").read_text())
            time.sleep(0.5)
        return {what: statistics.median(_clock(ask) for _ in range(repeats + 1)) for what, ask in asked.items()}
    finally:
        serving.send_signal(signal.SIGINT)
        serving.wait()
        log.close()


def _clock(ask: Callable[[], Any]) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


def _post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        found = json.loads(answer.read())
    assert "errors" not in found, found
    return found


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _print(folders: Mapping[str, Path], times: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n| | {' | '.join(folders)} |\n|---|{'---|' * len(folders)}")
    for what, each in times.items():
        print(_row(what, [f"{each[name]:.2f} s ({each[name] / each['fresh']:.2f})" for name in folders]))
    for what, parts in _PARTS.items():
        print(
            _row(
                what,
                [
                    f"{sum(_bytes(folder / 'home' / part) for part in parts) / 1e6:.1f} MB"
                    for folder in folders.values()
                ],
            )
        )


def _row(what: str, cells: Sequence[str]) -> str:
    return f"| {what} | {' | '.join(cells)} |"


def _bytes(path: Path) -> int:
    """Of a file, or of all below a folder; of Dagster's runs all but the database that they share."""
    if path.is_file():
        return path.stat().st_size
    return sum(
        file.stat().st_size
        for file in path.rglob("*")
        if file.is_file() and not (path.name == "runs" and file.name.startswith("index.db"))
    )


if __name__ == "__main__":
    main()
