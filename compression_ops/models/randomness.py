"""torch's random streams: that of the processor, and that of the device that a network computes on."""

from contextlib import AbstractContextManager

import torch


def kept(device: torch.device) -> AbstractContextManager[None]:
    """Inside, what is drawn on the processor or on the device leaves no trace: after, both streams are as before."""
    devices = [device.index or 0] if device.type in ("cuda", "mps") else []
    return torch.random.fork_rng(devices, device_type=device.type if devices else None)


def seed(number: int, device: torch.device) -> None:
    """Begin both streams anew, and those of no other device."""
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)
