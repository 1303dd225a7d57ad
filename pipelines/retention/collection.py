"""All of a home that is older than the retention, but for what Dagster keeps."""

import time
from collections.abc import Collection

from pipelines.recipe import file as recipe_file
from pipelines.retention import artifacts, histories, leftovers
from pipelines.retention.artifacts import Stores
from pipelines.retention.pile import Pile
from pipelines.retention.settings import STORE_IS_MINE, Settings
from pipelines.state.home import Home

_DAY = 86_400.0  # seconds


def since(days: float) -> float:
    """The moment so many days ago, in seconds since 1970; that of 1970 for all that is longer ago."""
    return max(0.0, time.time() - days * _DAY)


def find(home: Home, asked: Settings) -> list[Pile]:
    """What may go, by kind, in the order in which it is to be removed; not what `left_out` tells of.

    Raises TrackingFault if MLflow is asked, and does not answer.
    """
    begin, stores = since(asked.days), Stores.of(home)
    referred = artifacts.referred(stores, begin)
    return [
        *(_runs(home, stores, referred, begin) if asked.mlflow and _owns_mlflow(home, asked) else ()),
        *(artifacts.piles(stores, begin) if _owns_store(home, asked) else ()),
        *histories.piles(home, stores.actions, begin),
        *leftovers.piles(home, recipe_file.recipe_names(), referred, begin),
    ]


def left_out(home: Home, asked: Settings) -> list[str]:
    """What is left alone since other homes, whose histories are not known here, may use it; a sentence each."""
    words = "may serve other homes, whose histories are not known here"
    cure = f"if none does: --store-is-mine, or {STORE_IS_MINE}=1"
    found: list[str] = []
    if not _owns_store(home, asked):
        found.append(f"artifacts and known actions stay: the store {home.store_url} {words}; {cure}")
    if asked.mlflow and not _owns_mlflow(home, asked):
        found.append(f"runs in MLflow stay: {home.mlflow_address} {words}; {cure}")
    return found


def _owns_store(home: Home, asked: Settings) -> bool:
    return home.owns_store or asked.store_is_mine


def _owns_mlflow(home: Home, asked: Settings) -> bool:
    return home.owns_mlflow or asked.store_is_mine


def _runs(home: Home, stores: Stores, referred: Collection[str], begin: float) -> list[Pile]:
    from pipelines.retention import lineage

    return lineage.piles(home, begin, histories.runs_of_kept(home, stores.actions, referred, begin))
