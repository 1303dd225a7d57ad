"""The base of every typed parameter set that a recipe can state."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """An immutable parameter set: unknown keys are refused, values are never coerced (`"3"` is no integer).

    Modules that define a `Spec` import torch inside their functions only, so that reading a recipe stays fast.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
