"""What the device does at best: a plain matrix product, measured where the profile was taken."""

import time

import torch

_SIDE = {"cpu": 1024}  # elsewhere a small product does not fill the device
_SIDE_ELSEWHERE = 8192
_SECONDS = 0.5


def measure(device: torch.device) -> float:
    """Floating-point operations a second of a float32 product of square matrices, on torch's present threads: the best
    of as many as fit in half a second, at least three.
    """
    side = _SIDE.get(device.type, _SIDE_ELSEWHERE)
    left, right = (torch.ones(side, side, device=device) for _ in range(2))
    _timed(left, right)
    best, end, count = float("inf"), time.perf_counter() + _SECONDS, 0
    while count < 3 or time.perf_counter() < end:
        best = min(best, _timed(left, right))
        count += 1
    return 2.0 * side**3 / best


def _timed(left: torch.Tensor, right: torch.Tensor) -> float:
    started = time.perf_counter()
    product = left @ right
    product[0, 0].item()  # which waits for the device
    return time.perf_counter() - started
