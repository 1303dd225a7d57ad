"""Typed parameters out of the flat mapping that a stage is given."""

from collections.abc import Mapping
from typing import Any, TypeVar

from compression_ops.spec import Spec

S = TypeVar("S", bound=Spec)


def read(spec: type[S], parameters: Mapping[str, Any]) -> S:
    """The `spec` whose fields stand among others in `parameters`. Raises pydantic's ValidationError on a bad value."""
    return spec.model_validate({name: parameters[name] for name in spec.model_fields if name in parameters})
