"""How long things are kept, and when what is older goes by itself."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from compression_ops.errors import CompressionError

DAYS, CRON, MLFLOW = "COMPRESSION_GC_DAYS", "COMPRESSION_GC_CRON", "COMPRESSION_GC_MLFLOW"
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Settings:
    """The retention.

    days    what was made within so many days stays
    cron    when the schedule of Dagster's removes what is older, in UTC
    mlflow  whether runs in MLflow go, too
    """

    days: float = 30.0
    cron: str = "0 4 * * 0"
    mlflow: bool = False


def configured() -> Settings:
    """What the environment says. Raises CompressionError for what is no such setting."""
    return Settings(_days(), _cron(), _is_yes(MLFLOW))


def _days() -> float:
    stated = os.environ.get(DAYS) or str(Settings.days)
    try:
        days = float(stated)
    except ValueError:
        days = -1.0
    if not 0 <= days < float("inf"):
        raise CompressionError(
            f"{DAYS} is {stated!r}\n  allowed: a number of days, 0 or more, such as {Settings.days:g}"
        )
    return days


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


def _is_yes(name: str) -> bool:
    stated = os.environ.get(name, "").lower()
    if stated not in (*_YES, *_NO):
        raise CompressionError(f"{name} is {stated!r}\n  allowed: 1 or 0")
    return stated in _YES
