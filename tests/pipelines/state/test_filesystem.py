"""Whose fault it is that a file of a remote store cannot be read: the store's, or that of this machine's disk."""

import errno
from collections.abc import Callable

import fsspec
import pytest

from pipelines.state import filesystem


def _raised(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "get_file", broken)
    fs, root, _ = filesystem.opened("memory://faults")
    return lambda: fs.get_file(f"{root}/x", "/anywhere")


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),  # as a write says it, without a name
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        PermissionError(errno.EACCES, "Permission denied", "/home/x/cache/ab"),
        OSError(errno.EIO, "Input/output error", "/home/x/cache/ab"),
    ],
)
def test_a_fault_of_the_local_disk_is_not_blamed_on_the_store(fault: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match=fault.strerror) as told:
        _raised(fault, monkeypatch)()
    assert told.value is fault


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (PermissionError("Forbidden"), filesystem.StoreRefused),
        (OSError(errno.EIO, "Storage backend has reached its quota"), filesystem.StoreUnavailable),
        (FileNotFoundError("The specified bucket does not exist"), filesystem.StoreRefused),
    ],
)
def test_a_fault_of_the_store_is_told_as_its_own(
    fault: OSError, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(kind, match="the artifact store memory://faults cannot be used"):
        _raised(fault, monkeypatch)()
