"""What Dagster's pages say about an asset: kinds and description of the definition, numbers and links of a result."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from pipelines.graph.asset import Asset
from pipelines.kinds import kind
from pipelines.kinds.kind import Page
from pipelines.lineage.names import artifact_url, model_url, run_url
from pipelines.pipeline import Pipeline
from pipelines.recipe.file import RecipeFile
from pipelines.state.materialization import Materialization


def definition(recipe_file: RecipeFile, asset: Asset) -> dict[str, Any]:
    """The stage's own parameters and the recipe's file."""
    return {
        "parameters": dg.MetadataValue.json(asset.values),
        "recipe": dg.MetadataValue.path(str(recipe_file.path)),
        "code": dg.MetadataValue.md("\n".join(f"- `{module}`" for module in asset.code_digests)),
    }


def materialization(pipeline: Pipeline, entry: Materialization) -> dict[str, Any]:
    """What its kind says first, then how it came about, then where to look further."""
    asset = pipeline.graph.assets[entry.asset]
    page = kind.named(asset.kind).page(pipeline.store.fetch(entry.artifact), entry)
    found: dict[str, Any] = {
        **_page(pipeline, entry, page),
        "computed": "computed in this run" if entry.computed else "reused: this computation was known",
        "compute_seconds": round(entry.seconds, 2),
        **({"made_on": entry.made_on.words()} if entry.made_on else {}),
        **_run(pipeline, entry),
        "content_digest": entry.digest,
        "artifact": entry.artifact,
    }
    if entry.model_id:
        found["mlflow_model"] = dg.MetadataValue.url(model_url(pipeline.home, entry))
        found["mlflow_model_id"] = entry.model_id
    if entry.warnings:
        found["warnings"] = dg.MetadataValue.md("\n".join(f"- {warning}" for warning in entry.warnings))
    return found


def _run(pipeline: Pipeline, entry: Materialization) -> dict[str, Any]:
    if entry.unrecorded is not None:
        words = f"MLflow was out of reach; `compression sync-lineage {pipeline.recipe}` tells it of this result"
        return {"mlflow_run": dg.MetadataValue.md(words)}
    return {"mlflow_run": dg.MetadataValue.url(run_url(pipeline.home, entry)), "mlflow_run_id": entry.run_id}


def _page(pipeline: Pipeline, entry: Materialization, page: Page) -> dict[str, Any]:
    found: dict[str, Any] = {label: dg.MetadataValue.md(words) for label, words in page.words.items()}
    if page.file and entry.unrecorded is None:
        found["page"] = dg.MetadataValue.url(artifact_url(pipeline.home, entry, page.file))
    if page.rows:
        records = [dg.TableRecord({name: _plain(value) for name, value in row.items()}) for row in page.rows]
        columns = [dg.TableColumn(name, _type(page.rows, name)) for name in page.rows[0]]
        found["models"] = dg.MetadataValue.table(records, dg.TableSchema(columns))
    return found | {name: readable(value) for name, value in page.numbers.items()}


def _type(rows: Sequence[Mapping[str, Any]], column: str) -> str:
    values = [plain for row in rows if (plain := _plain(row[column])) is not None]
    return type(values[0]).__name__ if values else "string"


def readable(value: float) -> float:
    """Six significant digits, or all of a whole number: bytes, parameters."""
    return float(value) if float(value).is_integer() else float(f"{value:.6g}")


def _plain(value: Any) -> str | int | float | bool | None:
    if value is None or value != value:  # NaN is no JSON
        return None
    if isinstance(value, bool | int | float | str):
        return value
    return value.item() if hasattr(value, "item") else str(value)
