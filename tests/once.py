"""What takes seconds to make and is only read: made once for all of pytest's processes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder that all processes of this test run share."""
    base = factory.getbasetemp()
    shared = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name
    shared.mkdir(exist_ok=True)
    return shared


def made(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name`, filled by the first process that asks for it; the others wait. A failure is everybody's."""
    place = folder(factory, name)
    done = place / "done"
    with FileLock(f"{place}.lock"):
        if not done.exists():
            content = place / "content"
            content.mkdir()  # fails, as the first one did, where that one ended in its middle
            make(content)
            done.touch()
    return place / "content"
