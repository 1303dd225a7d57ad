"""Calibration by the extremes: the range of a tensor is all that it took on the calibration samples."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.spec import Spec

if TYPE_CHECKING:
    from compression_ops.quantization.activations import Ranges, Replay


class MinMax(Spec):
    """Nothing is clipped, so one outlier widens every step; fit for activations without long tails."""

    method: Literal["minmax"]
    samples: int = Field(default=512, ge=1, le=1_000_000, description="Training samples to calibrate on.")


def calibrate(spec: MinMax, replay: "Replay") -> "Ranges":
    """The smallest and largest value of each tensor."""
    from compression_ops.quantization import activations

    return activations.bounds(replay)
