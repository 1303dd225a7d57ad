"""The terminal: results on stdout, messages and errors on stderr."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """A value as JSON, the only thing on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def fail(message: str) -> None:
    """An error in words, in the tone of a compiler."""
    err.print(Text.assemble(("error", "bold red"), ": ", message), soft_wrap=True)
