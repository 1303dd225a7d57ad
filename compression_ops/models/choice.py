"""What a recipe says of a network."""

from pydantic import Field

from compression_ops.implementations import Architecture
from compression_ops.spec import Spec

_Value = bool | int | float | str | None


class NetworkChoice(Spec):
    """Which network is built for whatever images and classes the data have."""

    architecture: Architecture
    arguments: dict[str, _Value | list[_Value]] = Field(
        default={}, description="Further keyword arguments of the architecture's factory."
    )
