"""Somebody's code while nobody is there: a network's factory may ask for input, or print where results are to stand."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path


@contextmanager
def code() -> Generator[None]:
    """Inside, reading the terminal raises EOFError instead of waiting, and what is printed goes to stderr."""
    before = sys.stdin
    with Path(os.devnull).open(encoding="utf-8") as nothing, redirect_stdout(sys.stderr):
        sys.stdin = nothing
        try:
            yield
        finally:
            sys.stdin = before
