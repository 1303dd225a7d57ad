"""The device that networks are trained and label on: `COMPRESSION_DEVICE`, a matter of the machine and of no recipe."""

import os
from contextlib import suppress

from compression_ops import device
from compression_ops.errors import CompressionError

SETTING = "COMPRESSION_DEVICE"


def check() -> None:
    """Raise CompressionError if the setting names no device, or one that is not here.

    Torch is imported only where somebody asks for an accelerator by name.
    """
    stated = _stated()
    if stated not in (device.AUTO, device.CPU):
        _resolved(stated)


def chosen(recorded: str | None = None) -> str:
    """What stages are told, such as `cpu` or `cuda:0`. Raises CompressionError as `check` does.

    With `auto`, a result that is computed again is computed where it was `recorded`, if that device is here.
    """
    stated = _stated()
    if stated == device.AUTO and recorded is not None:
        with suppress(CompressionError):
            return device.resolve(recorded)
    return _resolved(stated)


def _stated() -> str:
    return os.environ.get(SETTING, "").strip() or device.AUTO


def _resolved(stated: str) -> str:
    try:
        return device.resolve(stated)
    except CompressionError as error:
        raise CompressionError(f"{SETTING}: {error}") from None
