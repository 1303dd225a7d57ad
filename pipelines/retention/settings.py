"""How long things are kept, and when what is older goes by itself."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from compression_ops.errors import CompressionError

DAYS, CRON, MLFLOW = "COMPRESSION_GC_DAYS", "COMPRESSION_GC_CRON", "COMPRESSION_GC_MLFLOW"
STORE_IS_MINE = "COMPRESSION_GC_STORE_IS_MINE"
KEEP_LAST_GOOD = "COMPRESSION_KEEP_LAST_GOOD"  # recipes
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True)
class Settings:
    """The retention.

    days    what was made within so many days stays
    cron    when the schedule of Dagster's removes what is older, in UTC
    mlflow  whether runs in MLflow go, too
    store_is_mine   whether no other home uses COMPRESSION_STORE and MLFLOW_TRACKING_URI
    """

    days: float = 30.0
    cron: str = "0 4 * * 0"
    mlflow: bool = False
    store_is_mine: bool = False


def configured() -> Settings:
    """What the environment says. Raises CompressionError for what is no such setting."""
    return Settings(
        days(DAYS, os.environ.get(DAYS) or str(Settings.days)), _cron(), is_yes(MLFLOW), is_yes(STORE_IS_MINE)
    )


def days(name: str, stated: str) -> float:
    """The days that a setting or an option says. Raises CompressionError for what is no such number."""
    try:
        found = float(stated)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise CompressionError(
            f"{name} is {stated!r}\n  allowed: a number of days, 0 or more, such as {Settings.days:g}; to keep all: 1e9"
        )
    return found


def _cron() -> str:
    stated = os.environ.get(CRON) or Settings.cron
    try:
        if len(stated.split()) != 5:
            raise CronSimError("not five fields")
        CronSim(stated, datetime.now(UTC))
    except CronSimError as error:
        raise CompressionError(
            f"{CRON} is {stated!r}: {error}\n  allowed: five fields, such as '{Settings.cron}' (Sundays at 4:00 UTC)"
        ) from error
    return stated


def is_yes(name: str, default: bool = False) -> bool:
    """What a setting says that is yes or no. Raises CompressionError for what is neither."""
    stated = os.environ.get(name, "").strip().lower()
    if not stated:
        return default
    if stated not in (*_YES, *_NO):
        raise CompressionError(f"{name} is {stated!r}\n  allowed: 1 or 0")
    return stated in _YES
