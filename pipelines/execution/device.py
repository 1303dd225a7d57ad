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
    word = stated()
    if word not in (device.AUTO, device.CPU):
        _resolved(word)


def chosen(recorded: str | None = None) -> str:
    """What stages are told, such as `cpu` or `cuda:0`. Raises CompressionError as `check` does.

    With `auto`, a result that is computed again is computed where it was `recorded`, if that device is here.
    """
    word = stated()
    if word == device.AUTO and recorded is not None:
        with suppress(CompressionError):
            return device.resolve(recorded)
    return _resolved(word)


def stated() -> str:
    """The setting's word, as it stands there."""
    return os.environ.get(SETTING, "").strip() or device.AUTO


def _resolved(stated: str) -> str:
    try:
        return device.resolve(stated)
    except CompressionError as error:
        raise CompressionError(f"{SETTING}: {error}") from None
