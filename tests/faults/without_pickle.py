"""Runs a command of the product in a process in which nothing can be read from a pickle.

    python -m tests.faults.without_pickle run tiny

Every reader of pickles raises: those of `pickle`, plain and in C, of torch, joblib, NumPy and pandas.
"""

import pickle
from typing import Any, NoReturn

import joblib
import numpy as np
import pandas as pd
import torch

from pipelines.cli import main


class PickleRead(AssertionError):
    """A pickle was read."""


def _refuse(*arguments: Any, **keywords: Any) -> NoReturn:
    raise PickleRead("a pickle was read")


class _Unpickler:
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        _refuse()


def forbid() -> None:
    """From now on, in this process."""
    for name in ("load", "loads", "_load", "_loads"):
        setattr(pickle, name, _refuse)
    for name in ("Unpickler", "_Unpickler"):
        setattr(pickle, name, _Unpickler)
    for module in (torch, joblib):
        module.load = _refuse  # type: ignore[attr-defined]
    pd.read_pickle = _refuse
    np.lib.format.read_array.__defaults__ = (False, *np.lib.format.read_array.__defaults__[1:])


if __name__ == "__main__":
    forbid()
    main.script()
