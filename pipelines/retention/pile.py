"""What of one kind may go, and how it goes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pile:
    """What of one kind may go.

    kind    in the plural, as it is told: `artifacts`
    number  of them
    bytes   that they take on the disk
    remove  removes them; what became needed since they were found stays
    is_freed   whether the disk has its bytes back then, or they lie in MLflow's trash
    """

    kind: str
    number: int
    bytes: int
    remove: Callable[[], None]
    is_freed: bool = True


def freed(piles: Iterable[Pile]) -> int:
    """Bytes that the disk has back once they are removed."""
    return sum(pile.bytes for pile in piles if pile.is_freed)


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; of what goes meanwhile none."""
    total = 0
    for file in (path, *path.rglob("*")) if path.is_dir() else (path,):
        try:
            total += 0 if file.is_dir() else file.lstat().st_size
        except FileNotFoundError:
            continue
    return total
