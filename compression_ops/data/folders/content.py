"""What a folder is searched for: pictures, or recordings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Content:
    """How files that hold samples are told from others.

    noun           what one of them is called
    is_named_like  whether a file of this name should hold one
    is_one         whether a file of another name holds one, by its first bytes
    foreign        endings of files that hold one in a format which is not read; beside one of the same name that is
                   read, such a file is its raw original
    """

    noun: str
    is_named_like: Callable[[str], bool]
    is_one: Callable[[Path], bool]
    foreign: frozenset[str] = frozenset()
