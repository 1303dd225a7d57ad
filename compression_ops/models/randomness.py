"""The random streams that a network may draw from: torch's of the processor and of the device that it computes on, and
those of NumPy and of Python itself, which some networks use for stochastic depth and the like.
"""

import random
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def kept(device: torch.device) -> Generator[None]:
    """Inside, what is drawn leaves no trace: after, all streams are as before."""
    devices = [device.index or 0] if device.type in ("cuda", "mps") else []
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices, device_type=device.type if devices else None):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def seed(number: int, device: torch.device) -> None:
    """Begin all streams anew, and torch's of no other device."""
    torch.default_generator.manual_seed(number)
    random.seed(number)
    np.random.seed(number % 2**32)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)
