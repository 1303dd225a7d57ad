"""A changed copy of a recipe below the home of the environment, for benchmarks that train what the recipe does not."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from compression_ops.report import files
from pipelines.commands import run
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file
from pipelines.state import home


def opened(recipe: str, suffix: str, change: Callable[[dict[str, Any]], None]) -> Pipeline:
    """The recipe `<recipe>_<suffix>`, whose attributes `change` has changed; nothing runs it by itself."""
    yaml = YAML(typ="rt")
    content: dict[str, Any] = yaml.load(recipe_file.path_of(recipe))  # pyright: ignore[reportUnknownMemberType]
    change(content["attributes"])
    content["attributes"]["automation"] = {"mode": "off"}
    content["attributes"].pop("schedule", None)
    folder, name = home.current().root / "benchmarks", f"{recipe}_{suffix}"
    target = folder / name / recipe_file.FILE_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w") as stream:
        yaml.dump(content, stream)  # pyright: ignore[reportUnknownMemberType]
    os.environ["COMPRESSION_DEFS"] = str(folder)
    return Pipeline.open(name)


def brought_up_to_date(pipeline: Pipeline, asset: str) -> tuple[Path, run.Report]:
    """The folder of an asset after a run, and what the run did; ends the process with the cause if one failed."""
    report = run.run(pipeline)
    if report.named("failed"):
        raise SystemExit(next(item.cause for item in report.outcomes if item.cause))
    entry = pipeline.latest(asset)
    assert entry is not None
    return pipeline.store.fetch(entry.artifact), report


def measured(pipeline: Pipeline) -> tuple[pd.DataFrame, float]:
    """Its report after a run, one row a model that has seeds, by its name; and the seconds that the run took."""
    folder, report = brought_up_to_date(pipeline, "benchmark_report")
    frame = files.read_frame(folder).set_index("model")
    return frame[frame["seeds"].notna()], report.seconds
