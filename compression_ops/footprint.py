"""What a model takes of the machine that it runs on, where no runtime stands between."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Footprint:
    """What a target takes of the machine that it runs on; None where that cannot be told.

    code_bytes      of machine code
    constant_bytes  of weights and tables
    ram_bytes       of static memory
    stack_bytes     along the deepest way of calls, what is called outside it not counted
    instructions    of one call
    absent          sentences on what is None, each with how to get it
    """

    code_bytes: int | None = None
    constant_bytes: int | None = None
    ram_bytes: int | None = None
    stack_bytes: int | None = None
    instructions: int | None = None
    absent: tuple[str, ...] = ()

    def numbers(self) -> dict[str, float]:
        """Those that are known, by their columns."""
        return {name: float(value) for name, value in asdict(self).items() if isinstance(value, int)}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "Footprint":
        """From JSON."""
        typed: dict[str, Any] = {**fields, "absent": tuple(fields["absent"])}
        return cls(**typed)
