"""What Dagster's pages say about an asset: kinds and description of the definition, numbers and links of a result."""

from typing import Any

import dagster as dg

from compression_ops.report import files as report_files
from pipelines.execution.materialize import Workshop
from pipelines.graph.graph import Asset
from pipelines.kinds import champion
from pipelines.lineage.names import model_url, run_url
from pipelines.recipe.file import RecipeFile
from pipelines.state.history import Materialization

# Of the report's many numbers, those whose course over time a reader follows; the table holds all.
_PLOTTED = frozenset({"test_accuracy", "accuracy_change_points", "file_bytes", "compression_ratio", "speedup_ratio"})


def raw_data(recipe_file: RecipeFile) -> dict[str, Any]:
    """Where the raw data come from."""
    spec = recipe_file.recipe.dataset
    found = {"source": spec.source}
    if getattr(spec, "path", None):
        found["path"] = spec.path
    return found


def definition(recipe_file: RecipeFile, asset: Asset) -> dict[str, Any]:
    """The stage's own parameters and the recipe's file."""
    return {
        "parameters": dg.MetadataValue.json(dict(asset.parameters)),
        "recipe": dg.MetadataValue.path(str(recipe_file.path)),
        "code": dg.MetadataValue.md("\n".join(f"- `{module}`" for module in asset.code_digests)),
    }


def materialization(shop: Workshop, entry: Materialization) -> dict[str, Any]:
    """The headline numbers first, then how it came about, then where to look further."""
    metrics: dict[str, Any] = {name: readable(value) for name, value in entry.metrics.items()}
    if entry.asset == "benchmark_report":
        plotted = {name: value for name, value in metrics.items() if name.rpartition(".")[2] in _PLOTTED}
        metrics = _report(shop, entry) | plotted
    if entry.asset == "champion":
        metrics = {"decision": champion.told(shop.store, entry), **metrics}
    found: dict[str, Any] = {
        **metrics,
        "computed": "computed in this run" if entry.computed else "reused: this computation was known",
        "compute_seconds": round(entry.seconds, 2),
        "mlflow_run": dg.MetadataValue.url(run_url(shop.home, entry)),
        "mlflow_run_id": entry.run_id,
        "content_digest": entry.digest,
        "artifact": entry.artifact,
    }
    if entry.model_id:
        found["mlflow_model"] = dg.MetadataValue.url(model_url(shop.home, entry))
        found["mlflow_model_id"] = entry.model_id
    if entry.warnings:
        found["warnings"] = dg.MetadataValue.md("\n".join(f"- {warning}" for warning in entry.warnings))
    return found


def _report(shop: Workshop, entry: Materialization) -> dict[str, Any]:
    folder = shop.store.fetch(entry.artifact)
    frame = report_files.read_frame(folder)
    columns = [dg.TableColumn(str(name), str(kind)) for name, kind in frame.dtypes.items()]
    records = [
        dg.TableRecord({str(name): _plain(value) for name, value in row.items()}) for row in frame.to_dict("records")
    ]
    return {
        "report": dg.MetadataValue.md(report_files.read_markdown(folder)),
        "page": dg.MetadataValue.path(str(report_files.page(folder))),
        "models": dg.MetadataValue.table(records, dg.TableSchema(columns)),
    }


def readable(value: float) -> float:
    """Six significant digits, or all of a whole number: bytes, parameters."""
    return float(value) if float(value).is_integer() else float(f"{value:.6g}")


def _plain(value: Any) -> str | int | float | bool | None:
    if value is None or value != value:  # NaN is no JSON
        return None
    if isinstance(value, bool | int | float | str):
        return value
    return value.item() if hasattr(value, "item") else str(value)
