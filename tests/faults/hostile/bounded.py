"""What reads hostile input, in a process of its own: it ends in words, soon, and in little memory."""

import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from compression_ops.errors import CompressionError

_SAID = 4096  # bytes, which a pipe takes at once
_SPACE = 16 << 30  # bytes that it may ask for at all, so that a test which fails takes no machine with it


class Ended(NamedTuple):
    """How reading ended: what was said, `accepted` where nothing was; seconds; MB that its memory grew by at most."""

    words: str
    seconds: float
    megabytes: float


def attempt(read: Callable[[], object], most_seconds: int = 30) -> Ended:
    """Read something in a child, ended after so many seconds; any other error than ours stands as its class."""
    reader, writer = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        words = "a traceback"
        try:
            os.write(writer, f"{_resident()}\n".encode())
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(most_seconds)
            resource.setrlimit(resource.RLIMIT_AS, (_SPACE, _SPACE))
            read()
            words = "accepted"
        except CompressionError as error:
            words = str(error)
        except BaseException as error:  # noqa: BLE001  which is what the test is to tell
            words = f"a traceback: {type(error).__name__}: {error}"
        finally:
            said = words.encode("utf-8", "replace")
            os.write(writer, said if len(said) < _SAID else said[: _SAID // 2] + said[-_SAID // 2 :])
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as stream:
        before, words = float(stream.readline()), stream.read()
    _, _, used = os.wait4(child, 0)
    grown = max(used.ru_maxrss / 1024 - before, 0.0)
    return Ended(words or "ended by the alarm", time.monotonic() - started, grown)


def assert_refused(found: Mapping[str, Ended], words: Mapping[str, str], seconds: float, megabytes: float) -> None:
    """Each with its words, within so much time and memory."""
    wrong = {
        name: ended
        for name, ended in found.items()
        if words[name] not in ended.words or ended.seconds > seconds or ended.megabytes > megabytes
    }
    assert not wrong, wrong


def _resident() -> float:
    """What this process holds, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
