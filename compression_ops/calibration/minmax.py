"""Calibration by the smallest and largest value seen."""

from typing import Literal

from pydantic import Field

from compression_ops.spec import Spec as BaseSpec


class Spec(BaseSpec):
    """Smallest and largest value of `samples` training images."""

    method: Literal["minmax"]
    samples: int = Field(default=256, ge=1)
