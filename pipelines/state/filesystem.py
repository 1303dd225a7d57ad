"""Where the artifact store lies: a folder, or any fsspec URL such as `s3://bucket/folder`. Faults of a remote one are
told in words.
"""

import errno
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from compression_ops.errors import CompressionError
from pipelines.state.home import public

_SHOWN = 300  # characters of somebody else's words
# Of what a remote store answers, what says that it is out of reach or not to be used, by the module that raises it.
_OF_NETWORK = ("botocore.", "aiobotocore.", "aiohttp.", "s3fs.", "gcsfs.", "adlfs.", "google.", "azure.")
_OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # this machine's, whose cache is written; no store answers so
_MISSING_BUCKET = "bucket does not exist"
_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "NoSuchBucket")
_CURE = (
    "let that server run, and let the bucket and the credentials be there (for s3: AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL); what was computed before is not lost"
)


class StoreUnavailable(CompressionError):
    """The remote store of `COMPRESSION_STORE` does not answer; it may do so later."""


class StoreRefused(CompressionError):
    """The remote store answers, and lacks the bucket, or takes nothing from this user."""


def opened(url: str) -> tuple[Any, str, bool]:
    """fsspec's file system of a URL or path, the root in it, and whether it is local.

    Raises CompressionError if no package here reads such a URL.
    """
    try:
        # What was listed once would hide what other processes write.
        fs, root = fsspec.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise CompressionError(
            f"COMPRESSION_STORE is {public(url)!r}, and its package is not installed: {error}\n"
            "  for s3: pip install 'compression-pipeline[servers]'"
        ) from error
    except ValueError as error:
        raise CompressionError(
            f"COMPRESSION_STORE is {public(url)!r}, which cannot be read: {public(str(error), url)}"
        ) from error
    is_local = isinstance(fs, LocalFileSystem)
    return fs if is_local else _Remote(fs, url), root.rstrip("/"), is_local


class _Remote:
    """A remote file system that raises StoreUnavailable or StoreRefused for what is wrong with it, not with a file."""

    def __init__(self, fs: Any, url: str) -> None:
        self._fs, self._url = fs, url

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._fs, name)
        return self._told(found) if callable(found) else found

    def makedirs(self, path: str, exist_ok: bool) -> None:
        """Of an object store nothing: it has no folders, and would make a bucket of a name that is misspelt."""
        if "s3" not in self._fs.protocol:
            with _in_words(self._url):
                self._fs.makedirs(path, exist_ok=exist_ok)

    def _told(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            with _in_words(self._url):
                return function(*arguments, **named)

        return called


@contextmanager
def _in_words(url: str) -> Generator[None]:
    try:
        yield
    except Exception as error:
        if not _is_of_store(error):
            raise
        words = public(" ".join(str(error).split()), url)[:_SHOWN] or type(error).__name__
        refused = isinstance(error, FileNotFoundError | PermissionError) or type(error).__name__ in _NO_CREDENTIALS
        raise (StoreRefused if refused else StoreUnavailable)(
            f"the artifact store {public(url)} cannot be used: {words}\n  {_CURE}"
        ) from error


def _is_of_store(error: Exception) -> bool:
    if isinstance(error, FileNotFoundError):
        return _MISSING_BUCKET in str(error)
    if isinstance(error, OSError) and (error.errno in _OF_DISK or isinstance(error.filename, str | bytes)):
        return False
    return isinstance(error, OSError) or type(error).__module__.startswith(_OF_NETWORK)
