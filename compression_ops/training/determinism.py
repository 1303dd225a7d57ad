"""The same bits from the same inputs, without leaving a trace in the caller's torch."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch.utils import deterministic as settings


@contextmanager
def deterministic(seed: int) -> Generator[None]:
    """Inside: torch's global generator is seeded and only deterministic algorithms run. After: both are as before."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = settings.fill_uninitialized_memory  # pyright: ignore[reportAttributeAccessIssue]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        torch.use_deterministic_algorithms(True)
        # Filling every new tensor with NaN finds reads of uninitialized memory; it costs a pass over each result.
        settings.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
            settings.fill_uninitialized_memory = fill  # pyright: ignore[reportAttributeAccessIssue]
