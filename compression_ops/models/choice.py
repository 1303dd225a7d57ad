"""What a recipe says of a network."""

from typing import Annotated

from pydantic import Field

from compression_ops.implementations import Architecture
from compression_ops.spec import Spec

_Value = bool | int | float | str | None


class Normalization(Spec):
    """Which input a trained network expects: (pixel / 255 - mean) / std, a number for all channels or one for each."""

    mean: list[float] = Field(min_length=1, max_length=4, description="Of pixels scaled to [0, 1].")
    std: list[Annotated[float, Field(gt=0)]] = Field(
        min_length=1, max_length=4, description="Of pixels scaled to [0, 1]; more than 0 each."
    )


class NetworkChoice(Spec):
    """Which network is built for whatever images and classes the data have."""

    architecture: Architecture
    arguments: dict[str, _Value | list[_Value]] = Field(
        default={}, description="Further keyword arguments of the architecture's factory."
    )
    image_size: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="Side to which it resizes images first; by default that of the data.",
    )
    normalization: Normalization | None = Field(
        default=None, description="That its weights were trained with; by default that of the data."
    )
