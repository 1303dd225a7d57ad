"""Where traced graphs are kept, if they are: whoever runs a stage says so, for as long as it runs."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compression_ops.models.network import Network

_FileOf = Callable[["Network"], Path]
_file_of: ContextVar[_FileOf | None] = ContextVar("file_of", default=None)


@contextmanager
def keeping(file_of: _FileOf) -> Generator[None]:
    """Inside, graphs are read from and written to the file that is named for each network: by all that its graph
    depends on but for its weights, so also by its code and by the exporter's.
    """
    token = _file_of.set(file_of)
    try:
        yield
    finally:
        _file_of.reset(token)


def of(network: "Network") -> Path | None:
    """The file of a network's graph; None where none is kept."""
    file_of = _file_of.get()
    return None if file_of is None else file_of(network)
