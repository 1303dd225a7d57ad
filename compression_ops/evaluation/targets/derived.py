"""Which target is measured, and against which model: the map {name: Derived} that an evaluation is given."""

from pydantic import Field

from compression_ops import target as targets
from compression_ops.spec import Spec


class Derived(Spec):
    """A target among those that are measured."""

    target: targets.any_target() = Field(description="Which, with its options.")  # type: ignore[valid-type]
    model: str = Field(description="The quantized student that it was made of.")
