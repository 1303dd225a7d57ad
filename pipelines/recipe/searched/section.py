"""The section `search`: which fields of the recipe a search may change, and what it looks for. It computes nothing by
itself and enters no derivation.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from compression_ops.spec import Spec

_WORDS = "a number of an asset's validation, as `student/small.validation_accuracy`; or a list of such"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _step(value: Any) -> Any:
    if _number(value) <= 0:
        raise ValueError("not more than 0")
    return value


def _scalar(value: Any) -> Any:
    return value if isinstance(value, bool | str) else _number(value)


Objectives = Annotated[
    list[str],
    BeforeValidator(_as_list),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "allowed": _WORDS}),
]
# Each is one type to pydantic, so that a wrong value is one mistake; a whole number stays one.
Choice = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"allowed": "a number, text, true or false"})]
Number = Annotated[Any, AfterValidator(_number), WithJsonSchema({"allowed": "a finite number"})]
Step = Annotated[Any, AfterValidator(_step), WithJsonSchema({"allowed": "a finite number, more than 0"})]


class Limit(Spec):
    """What a number must keep to."""

    at_least: float | None = Field(default=None, description="Its least value.")
    at_most: float | None = Field(default=None, description="Its largest value.")


class Domain(Spec):
    """What a field may be: `low` to `high`, or one of `choices`."""

    low: Number | None = Field(default=None, description="Its least value.")
    high: Number | None = Field(default=None, description="Its largest value.")
    log: bool = Field(default=False, description="Whether its logarithm is sampled evenly, and not itself.")
    step: Step | None = Field(default=None, description="The distance between two values, from `low` on.")
    choices: list[Choice] | None = Field(default=None, min_length=1, description="The values among which to choose.")


class Search(Spec):
    """A search over fields of the recipe by Optuna: `compression run RECIPE --search`."""

    trials: int = Field(default=20, ge=1, le=100_000, description="How many settings are tried.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Of what the sampler draws.")
    sampler: Literal["tpe", "nsgaii", "random"] = Field(
        default="tpe", description="Optuna's, by which the next setting is chosen."
    )
    pruner: Literal["median", "successive_halving", "none"] = Field(
        default="median", description="Optuna's, by which a training without hope ends; needs a single objective."
    )
    maximize: Objectives = Field(default=[], description="Numbers to be large: `<asset>.<metric>`, one or several.")
    minimize: Objectives = Field(default=[], description="Numbers to be small: `<asset>.<metric>`, one or several.")
    constraints: dict[str, Limit] = Field(
        default={},
        description="Numbers that must keep to a limit.",
        json_schema_extra={"allowed": "a map from numbers, as `student/small.validation_loss`, to maps with a limit"},
    )
    fields: dict[str, Domain] = Field(
        min_length=1,
        description="Fields by their path: students.small.learning_rate.",
        json_schema_extra={"allowed": "a map from fields, as `students.small.learning_rate`, to maps, at least one"},
    )

    @property
    def objectives(self) -> dict[str, Literal["maximize", "minimize"]]:
        """{number: its direction}, those to be maximized first."""
        return {**dict.fromkeys(self.maximize, "maximize"), **dict.fromkeys(self.minimize, "minimize")}

    @property
    def numbers(self) -> tuple[str, ...]:
        """All numbers that it asks for."""
        return tuple(dict.fromkeys((*self.objectives, *self.constraints)))
