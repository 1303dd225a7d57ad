"""The same bits from the same inputs, without leaving a trace in the caller's torch."""

import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import deterministic as settings

from compression_ops.models import randomness

_ALERT = re.compile(r"\s*(?P<operator>\S+) does not have a deterministic implementation")
_ALERTS = r"(?s).*determinis"


class Undetermined:
    """Which operators ran that have no deterministic implementation on their device, in the order of the first call."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._operators: dict[str, None] = {}

    def note(self, alert: str) -> bool:
        """Whether a warning is torch's that an operator is not deterministic, of which it is noted."""
        found = _ALERT.match(alert)
        if found:
            self._operators[found["operator"]] = None
        elif "CuBLAS" in alert and "not deterministic" in alert:
            self._operators["a matrix product (CUBLAS_WORKSPACE_CONFIG is set to another value than :4096:8)"] = None
        else:
            return False
        return True

    @property
    def warnings(self) -> tuple[str, ...]:
        """At most one sentence."""
        if not self._operators:
            return ()
        return (
            f"not deterministic on {self._device}: {', '.join(self._operators)}. Computed again, the result may have "
            "other bits; another operator in the network's forward, or another device, avoids that",
        )


@contextmanager
def deterministic(seed: int, device: torch.device) -> Generator[Undetermined]:
    """Inside: torch's generators of the processor and the device are seeded, an operator runs by its deterministic
    algorithm where it has one, and is noted where it has none, and float32 is not rounded to TF32. After: all is as
    before.
    """
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = settings.fill_uninitialized_memory  # pyright: ignore[reportAttributeAccessIssue]
    undetermined = Undetermined(device)
    with randomness.kept(device), _noting(undetermined), _gpu_settings(device):
        randomness.seed(seed, device)
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Filling every new tensor with NaN finds reads of uninitialized memory; it costs a pass over each result.
        settings.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield undetermined
        finally:
            torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
            settings.fill_uninitialized_memory = fill  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def _noting(undetermined: Undetermined) -> Generator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=_ALERTS)
        shown = warnings.showwarning

        def show(message: Warning | str, *where: Any, **more: Any) -> None:
            if not undetermined.note(str(message)):
                shown(message, *where, **more)

        warnings.showwarning = show
        yield


@contextmanager
def _gpu_settings(device: torch.device) -> Generator[None]:
    """On a GPU: no TF32, which keeps 10 of 23 bits of each factor, and no choice of algorithms by their time."""
    if device.type != "cuda":
        yield
        return
    cudnn: Any = torch.backends.cudnn
    matmul = torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32 = matmul.allow_tf32 = cudnn.benchmark = False
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = before
