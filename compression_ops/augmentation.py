"""Whole-batch augmentation, seeded and replayable: a *view* is a data set under one draw of random transformations."""

from pydantic import Field

from compression_ops.spec import Spec


class Augmentation(Spec):
    """Bounds of the random transformation that each sample of a view undergoes. All zero: a view is the data itself."""

    translate: float = Field(default=0.0, ge=0, le=64, description="Largest shift along each axis, in pixels.")
    rotate: float = Field(default=0.0, ge=0, le=180, description="Largest rotation either way, in degrees.")
    scale: float = Field(default=0.0, ge=0, lt=1, description="Largest relative change of size.")
    shear: float = Field(default=0.0, ge=0, le=45, description="Largest shear, in degrees.")
    flip: bool = Field(default=False, description="Mirror half of the samples left to right.")
