"""torch's table of ONNX operators, made once a process.

`torch.onnx.export` makes it anew at every call, from the sources of some 500 functions: 0.4 s, more than all else that
the export of a small network takes. The table depends on the versions of torch and onnxscript alone.
"""

import contextlib
from collections.abc import Callable, Generator
from functools import cache
from typing import Any

_NAME = "from_torchlib"


@contextlib.contextmanager
def shared() -> Generator[None]:
    """Let the exports of this block share one table; where torch no longer has it in this place, nothing changes."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        before, make = vars(ONNXRegistry)[_NAME], getattr(ONNXRegistry, _NAME)
    except (ImportError, KeyError):
        yield
        return
    setattr(ONNXRegistry, _NAME, staticmethod(_remembered(make)))
    try:
        yield
    finally:
        setattr(ONNXRegistry, _NAME, before)


@cache
def _remembered(make: Callable[..., Any]) -> Callable[..., Any]:
    return cache(make)
