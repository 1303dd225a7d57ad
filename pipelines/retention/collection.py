"""All of a home that is older than the retention, but for what Dagster keeps."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from compression_ops import quantities
from pipelines.recipe import file as recipe_file
from pipelines.retention import artifacts, histories, leftovers
from pipelines.retention.artifacts import Stores
from pipelines.retention.pile import Pile
from pipelines.retention.settings import STORE_IS_MINE, Settings
from pipelines.state.home import Home, public

_DAY = 86_400.0  # seconds


def since(days: float) -> float:
    """The moment so many days ago, in seconds since 1970; that of 1970 for all that is longer ago."""
    return max(0.0, time.time() - days * _DAY)


@dataclass(frozen=True)
class Found:
    """What may go, by kind, in the order in which it is to be removed; and what is left alone since other homes, whose
    histories are not known here, may use it: a sentence each, and what would go if none did, as far as it was counted.
    """

    piles: list[Pile]
    left: list[str] = field(default_factory=list)
    left_piles: list[Pile] = field(default_factory=list)


def find(home: Home, asked: Settings, with_left: bool = False) -> Found:
    """All of a home; with `with_left` what is left alone is counted, too.

    Raises TrackingFault if MLflow is asked, and does not answer.
    """
    begin, stores = since(asked.days), Stores.of(home)
    referred = artifacts.referred(stores, begin)
    owns_store = asked.store_is_mine or home.owns_store
    owns_mlflow = asked.store_is_mine or home.owns_mlflow
    stored = artifacts.piles(stores, begin) if owns_store or with_left else []
    piles = [
        *(_runs(home, stores, referred, begin) if asked.mlflow and owns_mlflow else ()),
        *(stored if owns_store else ()),
        *histories.piles(home, stores.actions, begin),
        *leftovers.piles(home, recipe_file.recipe_names(), referred, begin),
    ]
    left = [] if owns_store else stored
    sentences = [] if owns_store else [_sentence("artifacts and known actions", "the store", home.store_url, left)]
    if asked.mlflow and not owns_mlflow:
        sentences.append(_sentence("runs in MLflow", "", home.mlflow_address, ()))
    return Found(piles, sentences, left)


def _sentence(what: str, place: str, address: str, left: Collection[Pile]) -> str:
    counted = " and ".join(f"{pile.number} {pile.kind}, {quantities.size(pile.bytes)}," for pile in left)
    would = f" ({counted} would go, as nothing here refers to them)" if counted else ""
    return (
        f"{what} stay: {f'{place} {public(address)}'.strip()} may serve other homes, whose histories are not known "
        f"here{would}; if none does: --store-is-mine, or {STORE_IS_MINE}=1"
    )


def _runs(home: Home, stores: Stores, referred: Collection[str], begin: float) -> list[Pile]:
    from pipelines.retention import lineage

    return lineage.piles(home, begin, histories.runs_of_kept(home, stores.actions, referred, begin))
