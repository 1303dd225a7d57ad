"""The exceptions that a user can cause and cure; each message names what was found, what is allowed and what to do.

Code of a user's may end in any way: `told` says of it where and how.
"""

import sysconfig
import traceback
from pathlib import Path


class CompressionError(Exception):
    """A fault in the user's data, model or parameters, told in words that need no traceback."""


class DataError(CompressionError):
    """Raw data that cannot be found, read or trusted."""


class MemoryLimitError(CompressionError):
    """Data that take more memory than there is or is allowed, and may be sound: not collected among what is damaged."""


class ModelError(CompressionError):
    """A model that cannot be built, loaded, exported or quantized as asked."""


_OWN = str(Path(__file__).parent)
_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
_CURES = {
    SystemExit: "it ends the process; let it raise an error that says why instead",
    EOFError: "it reads from the terminal, where nobody answers; give it the value as an argument",
}


def told(error: BaseException) -> str:
    """`/home/me/net.py:12: ValueError: no such width`: where somebody's code failed, and the first line of its words.

    The place is the innermost one that is not in a library; where all are, or in the product, the innermost.
    """
    stated = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    words = " ".join(stated[:2]) if stated[0].endswith(":") else stated[0]
    cure = next((f" ({cure})" for kind, cure in _CURES.items() if isinstance(error, kind)), "")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    theirs = [frame for frame in frames if not frame.filename.startswith((_OWN, *_LIBRARIES, "<"))]
    place = next(iter((theirs or frames)[-1:]), None)
    where = f"{place.filename}:{place.lineno}: " if place else ""
    return f"{where}{type(error).__name__}: {words}{cure}"
