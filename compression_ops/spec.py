"""The base of every typed parameter set that a recipe can state."""

from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict

S = TypeVar("S", bound="Spec")


class Spec(BaseModel):
    """An immutable parameter set: unknown keys are refused, values are never coerced (`"3"` is no integer).

    Modules that define a Spec import torch inside their functions only, so that reading a recipe stays fast.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def part(self, spec: type[S], **more: Any) -> S:
        """Those of its fields that another parameter set states, and `more` of that one's fields."""
        shared = {name: getattr(self, name) for name in spec.model_fields if name in type(self).model_fields}
        return spec.model_validate(shared | more)

    def changed(self, **fields: Any) -> Self:
        """The same with other values, checked."""
        return type(self).model_validate({name: getattr(self, name) for name in type(self).model_fields} | fields)
