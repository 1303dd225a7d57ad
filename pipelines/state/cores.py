"""Which cores of this machine the stages of a home have taken: a training those that it keeps busy, a measurement all.

A core is a file that is locked, in the machine's temporary folder: machines that share a home do not share its cores.
The system releases the lock with its process.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.state.home import Home

_PAUSE = 0.05  # seconds between two looks


def count() -> int:
    """The cores of this machine."""
    return os.cpu_count() or 1


@contextmanager
def taken(home: Home, wanted: int, device: str, wait: Callable[[], None]) -> Generator[None]:
    """Hold so many cores, at least one and at most all, and an accelerator if one is named; `wait` is called once if
    they are not free.

    One process after the other gathers its cores, so that one who wants all is not passed by forever. It has its
    accelerator before: who waits for one keeps nobody from gathering.
    """
    folder = _folder(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    cores = [folder / f"core-{number}.lock" for number in range(count())]
    is_told = False

    def pause() -> None:
        nonlocal is_told
        if not is_told:
            wait()
        is_told = True
        time.sleep(_PAUSE)

    accelerator = _held([folder / f"device-{device}.lock"], 1, pause) if device else nullcontext()
    with accelerator, ExitStack() as held:
        with _held([folder / "next.lock"], 1, pause):
            held.enter_context(_held(cores, max(1, min(wanted, len(cores))), pause))
        yield


@contextmanager
def _held(files: Sequence[Path], wanted: int, pause: Callable[[], None]) -> Generator[None]:
    held = _locked(files, wanted, pause)
    try:
        yield
    finally:
        for lock in held:
            lock.release()


def _locked(files: Sequence[Path], wanted: int, pause: Callable[[], None]) -> list[FileLock]:
    """Locks of so many of the files, as they become free."""
    held: list[FileLock] = []
    waiting = list(files)
    try:
        while True:
            for file in list(waiting):
                lock = FileLock(file)
                with suppress(Timeout):
                    lock.acquire(timeout=0)
                    waiting.remove(file)
                    held.append(lock)
                if len(held) == wanted:
                    return held
            pause()
    except BaseException:
        for lock in held:
            lock.release()
        raise


def _folder(home: Home) -> Path:
    known = hashlib.sha256(str(home.root.resolve()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"compression-{os.getuid()}", known)
