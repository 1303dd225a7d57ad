"""Calibration by mean squared error: the range whose integers are nearest to the values, clipped ones included."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor

    from compression_ops.quantization.activations import Ranges, Replay
    from compression_ops.quantization.histogram import Histogram

_BINS = 8192
_SHARES = 100  # an end of the range lies at 1/100, 2/100, … of the extreme


class Mse(Spec):
    """Least squared error of what is clipped and what is rounded (Nagel et al. 2021, §3.1, "MSE based")."""

    needs_levels: ClassVar[bool] = True

    method: Literal["mse"]
    samples: int = Field(default=512, ge=1, le=1_000_000, description="Training samples to calibrate on.")


def calibrate(spec: Mse, replay: "Replay", levels: int = 256) -> "Ranges":
    """For each tensor the range of least mean squared error, of those whose ends are hundredths of its extremes.

    `levels` is the number of its integers. Fewer of them clip more: a normal distribution at about 2.6 standard
    deviations with 16. Both ends shrink together first, then each by itself while that helps. The values are counted in
    8,192 bins from the smallest to the largest, and each stands for the middle of its bin.
    """
    from compression_ops.quantization import activations, histogram

    counted = histogram.collect(replay, activations.bounds(replay), _BINS)
    return {name: _best(found, levels) for name, found in counted.items()}


def _best(found: "Histogram", levels: int) -> tuple[float, float]:
    import torch

    low, high = min(found.low, 0.0), max(found.high, 0.0)
    edges = torch.from_numpy(found.edges)
    occupied = torch.from_numpy(found.counts) > 0
    middles = ((edges[1:] + edges[:-1]) / 2)[occupied].float()
    counts = torch.from_numpy(found.counts)[occupied].double()
    shares = torch.arange(_SHARES, 0, -1, dtype=torch.float64) / _SHARES
    best, best_error = (1.0, 1.0), float("inf")
    while True:
        together = best_error == float("inf")
        lows = [shares, shares] if together else [shares, torch.full_like(shares, best[0])]
        highs = [shares, shares] if together else [torch.full_like(shares, best[1]), shares]
        candidates = torch.stack([torch.cat(lows), torch.cat(highs)])
        errors = _errors(middles, counts, low * candidates[0], high * candidates[1], levels)
        index = int(errors.argmin())
        # Sums in another order differ in their last digits; a change that small is none.
        if not float(errors[index]) < best_error * (1 - 1e-9):
            return low * best[0], high * best[1]
        best, best_error = (float(candidates[0, index]), float(candidates[1, index])), float(errors[index])


def _errors(values: "Tensor", counts: "Tensor", lows: "Tensor", highs: "Tensor", levels: int) -> "Tensor":
    """float64 [C]: the summed squared error of float32 `values` [B], each `counts` [B] times, on C ranges."""
    from compression_ops.quantization import affine

    steps = affine.asymmetric(lows, highs, affine.Integers(0, levels - 1), axis=0)
    change = affine.fake_quantize(values.expand(len(lows), -1), steps).double() - values.double()
    return (change.square() * counts).sum(1)
