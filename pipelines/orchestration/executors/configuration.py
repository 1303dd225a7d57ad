"""What else an executor is told: `COMPRESSION_WORKERS`, and in the file that `COMPRESSION_EXECUTOR_CONFIG` names its
own settings, as Dagster documents them under `execution.config`. A process that computes one asset needs neither.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from compression_ops.errors import CompressionError

WORKERS, FILE = "COMPRESSION_WORKERS", "COMPRESSION_EXECUTOR_CONFIG"
_SHOWN = 300  # characters of Dagster's own words
_OF_A_STEP = "DAGSTER_RUN_STEP_KEY"  # what Dagster sets where a cluster computes an asset


def _stated(name: str) -> str:
    return "" if _OF_A_STEP in os.environ else os.environ.get(name, "").strip()


def workers() -> int | None:
    """How many assets of a run are computed at a time, at most; None where nobody says. Raises CompressionError."""
    stated = _stated(WORKERS)
    if not stated:
        return None
    if not stated.isascii() or not stated.isdigit() or int(stated) < 1:
        raise CompressionError(
            f"{WORKERS}: how many assets of a run are computed at a time\n  found:   {stated!r}\n"
            "  allowed: a whole number from 1"
        )
    return int(stated)


def read() -> Mapping[str, Any]:
    """The executor's own settings; none where no file is named. Raises CompressionError for a file that holds none."""
    stated = _stated(FILE)
    if not stated:
        return {}
    try:
        found: Any = YAML(typ="safe").load(Path(stated))
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise CompressionError(
            f"{FILE}: {stated} cannot be read as YAML: {' '.join(str(error).split())[:_SHOWN]}\n"
            "  name a file of the executor's settings, or leave the setting out"
        ) from error
    if not isinstance(found or {}, Mapping):
        raise CompressionError(f"{FILE}: {stated} holds {str(found)[:60]!r}\n  allowed: settings by their names")
    return found or {}


def refused(words: str) -> CompressionError:
    """What to say of settings that Dagster does not take."""
    told = " ".join(words.split())[:_SHOWN]
    return CompressionError(f"{FILE}: the executor takes no such settings: {told}\n  mend {os.environ.get(FILE)}")
