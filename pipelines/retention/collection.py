"""All of a home that is older than the retention, but for what Dagster keeps."""

import time
from collections.abc import Collection

from compression_ops.errors import CompressionError
from pipelines.recipe import file as recipe_file
from pipelines.retention import artifacts, histories, leftovers
from pipelines.retention.artifacts import Stores
from pipelines.retention.pile import Pile
from pipelines.state.home import Home

_DAY = 86_400.0  # seconds


def since(days: float) -> float:
    """The moment so many days ago, in seconds since 1970."""
    return time.time() - days * _DAY


def find(home: Home, days: float, with_mlflow: bool = False) -> list[Pile]:
    """What may go, by kind, in the order in which it is to be removed.

    Raises TrackingFault if MLflow is asked, and does not answer.
    """
    begin, stores = since(days), Stores.of(home)
    referred = artifacts.referred(stores, begin)
    return [
        *(_runs(home, stores, referred, begin) if with_mlflow else ()),
        *artifacts.piles(stores, begin),
        *histories.piles(home, stores.actions, begin),
        *leftovers.piles(home, recipe_file.recipe_names(), referred, begin),
    ]


def require_alone(home: Home, with_mlflow: bool = False) -> None:
    """Raise CompressionError where other homes, whose histories are not known here, may use what is to be removed."""
    if not home.owns_store:
        raise CompressionError(
            f"the store {home.store_url} may serve other homes, whose histories are not known here\n"
            "  run with --dry-run to see what this home does not refer to, or with --store-is-mine to remove it"
        )
    if with_mlflow and not home.owns_mlflow:
        raise CompressionError(
            f"MLflow at {home.mlflow_address} may serve other homes, whose histories are not known here\n"
            "  run with --dry-run to see what this home does not refer to, or with --store-is-mine to delete it"
        )


def _runs(home: Home, stores: Stores, referred: Collection[str], begin: float) -> list[Pile]:
    from pipelines.retention import lineage

    return lineage.piles(home, begin, histories.runs_of_kept(home, stores.actions, referred, begin))
