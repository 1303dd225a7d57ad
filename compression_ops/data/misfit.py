"""A parameter of an augmentation that the images do not allow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Misfit:
    """One such parameter.

    field    its path among the parameters: `size`, or `cutout.size` among those of all augmentations
    allowed  what these images allow, in words
    """

    field: str
    allowed: str
