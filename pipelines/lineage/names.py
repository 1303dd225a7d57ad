"""Addresses of MLflow's pages."""

from pipelines.state.home import Home
from pipelines.state.materialization import Materialization

_MODE = "?workflowType=machine_learning"  # without it a fresh browser opens MLflow in its GenAI mode


def run_url(home: Home, entry: Materialization) -> str:
    """The page of the run that computed an artifact. MLflow finds the experiment of a run by itself."""
    return f"{home.mlflow_address}/#/experiments/{entry.experiment_id}/runs/{entry.run_id}{_MODE}"


def artifact_url(home: Home, entry: Materialization, path: str) -> str:
    """The page of a run on which MLflow shows one file of its artifact."""
    return f"{home.mlflow_address}/#/experiments/{entry.experiment_id}/runs/{entry.run_id}/artifacts/{path}{_MODE}"


def model_url(home: Home, entry: Materialization) -> str:
    """The page of the model that a computation logged."""
    return f"{home.mlflow_address}/#/experiments/{entry.experiment_id}/models/{entry.model_id}{_MODE}"
