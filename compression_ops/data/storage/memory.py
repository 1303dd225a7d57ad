"""How much memory reading may take: what this machine has left, or what `COMPRESSION_MEMORY` says.

Whoever is about to hold much says so first, from what the heads of files tell. What is read side by side waits where it
does not fit together; what does not fit alone is refused before anything of it is read.
"""

import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from compression_ops import quantities
from compression_ops.errors import CompressionError, MemoryLimitError

SETTING = "COMPRESSION_MEMORY"
_LITTLE = 32 * 2**20  # bytes that nobody is asked for
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?")
_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}
_GROUPS, _OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# Of a control group: the file of its limit, that of its use, and in `memory.stat` the caches that the system may drop.
_VERSIONS = (
    ("memory.max", "memory.current", ("active_file", "inactive_file")),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_active_file", "total_inactive_file")),
)


class _Reading:
    """What the threads of this process hold while they read."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.held = 0


_READING = _Reading()


@contextmanager
def held(where: str, needed: int, cure: str = "Make it smaller", there: int = 0) -> Generator[None]:
    """Inside, a thread holds about so many bytes; it begins once they are free. One thread never holds two at a time.

    there  how many of them are there already, and so no longer free; a limit that is stated counts them

    Raises MemoryLimitError, which begins with `where` and says the `cure`, if they are not though nobody else reads.
    """
    missing = needed if os.environ.get(SETTING) else needed - there
    if missing <= _LITTLE:
        yield
        return
    with _READING.changed:
        while missing > (free := _free()) - _READING.held:
            if not _READING.held:
                raise MemoryLimitError(_words(where, needed, there, free, cure))
            _READING.changed.wait()
        _READING.held += missing
    try:
        yield
    finally:
        with _READING.changed:
            _READING.held -= missing
            _READING.changed.notify_all()


def require(where: str, needed: int, cure: str = "Make it smaller", there: int = 0) -> None:
    """As `held`, for what stays afterwards, and so counts by itself."""
    with held(where, needed, cure, there):
        pass


def check() -> None:
    """Raise CompressionError for a setting that is no number of bytes."""
    if stated := os.environ.get(SETTING):
        _stated(stated)


def _words(where: str, needed: int, there: int, free: float, cure: str) -> str:
    stated = os.environ.get(SETTING)
    allowed = f"{SETTING} allows {stated}"
    if not stated:
        further = f" beside the {quantities.size(there)} that it has taken" if there else ""
        allowed = f"{quantities.size(max(free, 0))} of this machine's or its container's are free{further}"
    more = quantities.size(1.1 * needed).replace(" ", "")
    return (
        f"{where}: reading it takes about {quantities.size(needed)} of memory, by what it says of itself; {allowed}. "
        f"{cure}, end other programs, or take a machine with more; {SETTING}={more} has it tried all the same."
    )


def _free() -> float:
    """Bytes. Raises CompressionError for a setting that is none."""
    if stated := os.environ.get(SETTING):
        return _stated(stated)
    return min(_of_machine(), *_of_groups(), float("inf"))


def _stated(text: str) -> float:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise CompressionError(f"{SETTING} is {text!r}\n  allowed: bytes, such as 8GB, 500MB or 16GiB")
    number, unit, is_binary = found.groups()
    return float(number) * (1024 if is_binary else 1000) ** _POWERS[unit]


def _of_machine() -> float:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:  # of another system, which says how much there is, and not how much is free
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), float("inf"))


def _of_groups() -> Iterator[float]:
    """What control groups leave, as a container's: that of this process, and those around it."""
    try:
        entries = [line.split(":", 2) for line in _OWN_GROUPS.read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in entries:
        if controllers in ("", "memory"):
            root = _GROUPS / controllers
            inside = root / path.strip("/")
            for folder in (inside, *inside.parents):
                if folder.is_relative_to(root):
                    yield from _left(folder)


def _left(folder: Path) -> Iterator[float]:
    for limit, use, caches in _VERSIONS:
        try:
            most, used = (folder / limit).read_text().strip(), int((folder / use).read_text())
            stated = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        if most.isdigit():
            yield float(int(most) - used + sum(int(stated.get(cache, 0)) for cache in caches))
