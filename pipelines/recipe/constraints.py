"""What single values of a recipe must be, in a form that errors can tell in words."""

import re
import zoneinfo
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

NAME_PATTERN = "[A-Za-z0-9_]{1,60}"
Name = Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$")]
# Addresses as Dagster takes them, which refuses to load an asset of any other owner.
_OWNERS = r"team:[A-Za-z0-9_-]+|[A-Za-z0-9_][A-Za-z0-9._%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}"


def _cron(value: str) -> str:
    from cronsim import CronSim, CronSimError

    try:
        CronSim(value, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(f"not a cron expression: {error}") from error
    if len(value.split()) != 5:
        raise ValueError("not a cron expression of five fields")
    if re.search(r"\dL|LW", value.upper()):
        raise ValueError("not a cron expression of Dagster's, which knows no last weekday")
    return value


@lru_cache(maxsize=1)
def timezones() -> frozenset[str]:
    """All that the machine knows: some hundred folders are walked through for them."""
    return frozenset(zoneinfo.available_timezones())


def _timezone(value: str) -> str:
    if value not in timezones():
        raise ValueError("not a time zone")
    return value


def _owner(value: str) -> str:
    if not re.fullmatch(_OWNERS, value):
        raise ValueError("not an owner")
    return value


Cron = Annotated[
    str,
    AfterValidator(_cron),
    WithJsonSchema({"type": "string", "allowed": "five cron fields, as `0 3 * * 1` (Mondays at 3:00)"}),
]
Timezone = Annotated[
    str,
    AfterValidator(_timezone),
    WithJsonSchema({"type": "string", "allowed": "an IANA time zone, as `UTC` or `Europe/Berlin`"}),
]
Owner = Annotated[
    str,
    AfterValidator(_owner),
    WithJsonSchema({"type": "string", "allowed": "an e-mail address or `team:<name>`"}),
]
