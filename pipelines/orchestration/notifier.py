"""Tells somebody that a run failed: by a webhook, or by a function of your own.

`COMPRESSION_NOTIFY` is an http(s) URL, to which the failure is posted as JSON (its field `text` is what Slack, Teams
and Mattermost show), or `package.module:function`, which is called with a `Failure`. Unset: nobody is told.
"""

import importlib
import json
import os
import re
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass

from compression_ops.errors import CompressionError

_PATIENCE = 10.0  # seconds
_FUNCTION = re.compile(r"\w+(\.\w+)*:\w+")
_ALLOWED = "  allowed: an http(s) URL, or a function that Python finds as package.module:function"


@dataclass(frozen=True)
class Failure:
    """A failed run: which, of which recipe, and what failed why, in words."""

    recipe: str
    run_id: str
    failed: dict[str, str]
    text: str


Notifier = Callable[[Failure], None]


def configured() -> Notifier | None:
    """The notifier that `COMPRESSION_NOTIFY` names; None if it is unset. Raises CompressionError if it names none."""
    setting = os.environ.get("COMPRESSION_NOTIFY", "")
    if not setting:
        return None
    if setting.startswith(("http://", "https://")):
        return lambda failure: post(setting, failure)
    module, _, name = setting.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise CompressionError(f"COMPRESSION_NOTIFY is {setting!r}: {error}\n{_ALLOWED}") from error


def check() -> None:
    """Raise CompressionError for a setting that can name no notifier; nothing of it is imported."""
    setting = os.environ.get("COMPRESSION_NOTIFY", "")
    if setting and not setting.startswith(("http://", "https://")) and not _FUNCTION.fullmatch(setting):
        raise CompressionError(f"COMPRESSION_NOTIFY is {setting!r}\n{_ALLOWED}")


def post(url: str, failure: Failure) -> None:
    """Post a failure as JSON. Raises OSError if the receiver is not there or refuses it."""
    body = json.dumps(asdict(failure)).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_PATIENCE):
        pass
