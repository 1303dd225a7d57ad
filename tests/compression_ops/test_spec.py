"""The base of every parameter set."""

import pytest
from pydantic import Field, ValidationError

from compression_ops.spec import Spec


class _Example(Spec):
    count: int = Field(default=1, ge=1)
    rate: float = 0.5
    name: str = "a"


def test_an_unknown_key_is_refused_by_its_name() -> None:
    with pytest.raises(ValidationError) as caught:
        _Example.model_validate({"cuont": 3})
    assert caught.value.errors()[0]["type"] == "extra_forbidden"
    assert caught.value.errors()[0]["loc"] == ("cuont",)


@pytest.mark.parametrize("value", ["3", 3.0, True, None])
def test_what_is_no_integer_is_not_made_one(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        _Example.model_validate({"count": value})
    assert caught.value.errors()[0]["loc"] == ("count",)


def test_an_integer_serves_where_a_float_is_asked_for() -> None:
    assert _Example.model_validate({"rate": 1}).rate == 1.0


def test_a_value_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        _Example(count=0)


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        _Example().count = 2  # pyright: ignore[reportAttributeAccessIssue]


def test_a_spec_goes_through_json_and_back_unchanged() -> None:
    spec = _Example(count=4, rate=0.1, name="b")
    assert _Example.model_validate_json(spec.model_dump_json()) == spec
    assert _Example.model_validate(spec.model_dump(mode="json")) == spec
