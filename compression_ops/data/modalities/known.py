"""The modalities by the names under which files hold them: each is the name of a module here.

Nothing lists them, and none is imported that is not asked for, so that no model of images is made of the code of texts.
"""

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from compression_ops import implementations
from compression_ops.data.modalities.modality import Modality
from compression_ops.errors import DataError

_PACKAGE = "data.modalities"
_FIRST = "images"  # earlier versions knew nothing else


def of_fields(fields: Mapping[str, Any]) -> Modality:
    """The modality of what `Modality.fields` gave. Raises DataError for one that is not known here."""
    given = dict(fields)
    found = _named(given.pop("type", None))
    try:
        return found(**{name: _hashable(value) for name, value in given.items()})
    except TypeError as error:
        raise DataError(f"what is said of {found.noun} is of another version: {error}") from error


def unstated() -> Modality:
    """That of what does not say which: of artifacts and files of earlier versions, and of most sources."""
    return _named(_FIRST)()


@cache
def names() -> tuple[str, ...]:
    """All that there are, sorted; imports each."""
    return tuple(name for name in implementations.names(_PACKAGE) if _defined(name) is not None)


def module_name(name: str) -> str:
    """The module of a modality. Raises DataError for one that is not known here."""
    return _named(name).__module__


def _named(name: Any) -> type[Modality]:
    found = _defined(name) if isinstance(name, str) and name in implementations.names(_PACKAGE) else None
    if found is None:
        raise DataError(f"samples of type {name!r} are not known; allowed is one of {', '.join(names())}")
    return found


@cache
def _defined(name: str) -> type[Modality] | None:
    """The modality of that name that its module defines; None in one that only serves others."""
    module = importlib.import_module(f"compression_ops.{_PACKAGE}.{name}")
    classes = (each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__)
    return next((each for each in classes if issubclass(each, Modality) and vars(each).get("type") == name), None)


def _hashable(value: Any) -> Any:
    """Lists, of which JSON knows no other kind, as tuples."""
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
