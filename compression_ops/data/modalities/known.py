"""The modalities by the names under which files hold them."""

from collections.abc import Mapping
from typing import Any

from compression_ops.data.modalities.images import Images
from compression_ops.data.modalities.modality import Modality
from compression_ops.data.modalities.signal import Signal
from compression_ops.data.modalities.table import Table
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.errors import DataError

_KNOWN: Mapping[str, type[Modality]] = {each.type: each for each in (Images, Signal, Table, Tokens)}


def of_fields(fields: Mapping[str, Any]) -> Modality:
    """The modality of what `Modality.fields` gave. Raises DataError for one that is not known here."""
    given = dict(fields)
    word = given.pop("type", None)
    if word not in _KNOWN:
        raise DataError(f"samples of type {word!r} are not known; allowed is one of {', '.join(_KNOWN)}")
    try:
        return _KNOWN[word](**{name: _hashable(value) for name, value in given.items()})
    except TypeError as error:
        raise DataError(f"what is said of {_KNOWN[word].noun} is of another version: {error}") from error


def _hashable(value: Any) -> Any:
    """Lists, of which JSON knows no other kind, as tuples."""
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
