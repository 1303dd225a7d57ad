"""Nested parameters as one flat map."""

from collections.abc import Mapping
from typing import Any


def flatten(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"loss": {"type": "kd"}} -> {"loss.type": "kd"}."""
    flat: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
