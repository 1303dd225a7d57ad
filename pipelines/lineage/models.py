"""The models of a recipe in MLflow: each teacher, student and quantized student is a LoggedModel with its own page."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.onnx_model import metadata
from pipelines.lineage import compression_samples, connection, names
from pipelines.state.materialization import Source

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def log(
    client: "MlflowClient",
    experiment_id: str,
    run_id: str,
    recipe: str,
    asset: str,
    kind: str,
    parameters: Mapping[str, Any],
    folder: Path,
    digest: str,
) -> str:
    """Log the artifact of an asset's stage as the run's output model; returns the model's id."""
    import mlflow
    from mlflow.entities import LoggedModelOutput

    connection.use(client.tracking_uri)  # the fluent calls below know no client
    model = mlflow.initialize_logged_model(
        name=names.model(recipe, asset),
        source_run_id=run_id,
        experiment_id=experiment_id,
        model_type=kind,
        params={name: str(value)[: names.PARAMETER_LIMIT] for name, value in parameters.items()},
        tags={names.RECIPE: recipe, names.ASSET: asset, names.DIGEST: digest},
    )
    if (folder / names.MODEL_FILE).exists():
        signature = {"recipe": recipe, "asset": asset, "digest": digest, "run_id": run_id}
        _log_onnx(model.model_id, folder, model.name, signature)
    for path in sorted(folder.iterdir()):
        if path.suffix != ".onnx":
            client.log_model_artifact(model.model_id, str(path))
    mlflow.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
    return model.model_id


def whole(client: "MlflowClient", experiment_id: str, run_id: str) -> str | None:
    """The model that a run logged to the end; one that it did not is removed."""
    found = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    ready = [model.model_id for model in found if str(model.status) == "READY"]
    for model in found:
        if model.model_id not in ready:
            client.delete_logged_model(model.model_id)
    return ready[0] if ready else None


def log_evaluation(
    client: "MlflowClient",
    run_id: str,
    recipe: str,
    sources: Mapping[str, Source],
    metrics: Mapping[str, float],
    time: int,
) -> None:
    """Log the report's numbers (`student/small.test_accuracy`) on the model and the data that each of them is about.

    `time` is when they were found, in milliseconds since 1970.
    """
    from mlflow.entities import Metric

    batch: list[Any] = []
    for name, value in metrics.items():
        model_name, _, _ = name.rpartition(".")
        source = sources.get(model_name)
        if source is None or source.model_id is None:
            continue
        batch.append(
            Metric(
                name,
                float(value),
                time,
                0,
                model_id=source.model_id,
                dataset_name=names.dataset(recipe, "dataset"),
                dataset_digest=sources["dataset"].digest[: names.DATASET_DIGEST_LIMIT],
                run_id=run_id,
            )
        )
    for first in range(0, len(batch), names.METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=batch[first : first + names.METRICS_AT_ONCE])


def _log_onnx(model_id: str, folder: Path, name: str, origin: Mapping[str, str]) -> None:
    """The ONNX model, its origin in its metadata, in MLflow's onnx flavor, which `mlflow models serve` can run.

    What it is asked with is looked at by `compression_samples`, instead of by a signature.
    """
    import numpy as np
    import onnx
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    proto = onnx.load(str(folder / names.MODEL_FILE))
    metadata.sign(proto, **origin)
    description = metadata.read(proto, name).description
    logits = TensorSpec(np.dtype(np.float32), [-1, len(description.classes)], proto.graph.output[0].name)
    with _requirements_taken_as_they_are():
        Model.log(
            artifact_path=None,  # the name of earlier versions of MLflow
            name=name,
            flavor=compression_samples,
            model_id=model_id,
            onnx_model=proto,
            signature=ModelSignature(outputs=Schema([logits])),
            input_example=np.full((1, *description.shape), description.modality.example, description.modality.dtype),
            pip_requirements=[f"{package}=={version(package)}" for package in ("onnx", "onnxruntime", "numpy")],
            save_as_external_data=False,  # the default would empty the proto of its weights
            onnx_execution_providers=["CPUExecutionProvider"],
        )


@contextmanager
def _requirements_taken_as_they_are() -> Generator[None]:
    """MLflow reads the files of every installed package, 2 s, to see whether requirements hold that come from here."""
    name = "warn_dependency_requirement_mismatches"
    # Both look: where a model is written, and where it is loaded to be tried. Another version of MLflow may not.
    modules = [import_module(f"mlflow.{place}") for place in ("utils.environment", "pyfunc")]
    checks = {module: getattr(module, name) for module in modules if hasattr(module, name)}
    for module in checks:
        setattr(module, name, _accept)
    try:
        yield
    finally:
        for module, check in checks.items():
            setattr(module, name, check)


def _accept(requirements: list[str]) -> None:
    """Takes requirements as they are."""
