"""NumPy archives block by block, against numpy.load."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compression_ops.data.formats import npz_archive
from compression_ops.data.storage import blocks
from compression_ops.errors import DataError

_ARRAY = np.random.default_rng(0).integers(0, 30_000, (50, 6, 7))
_NAMES = frozenset({"a", "b"})


def _rows(path: Path, name: str = "a") -> Any:
    with npz_archive.opened(path, _NAMES) as archive:
        found = list(archive.rows(name))
        assert len(found) > 2
        return np.concatenate(found)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<f4", ">f8", "?", "<f2"])
@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_rows_of_any_type_order_and_packing_are_those_that_numpy_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, fortran: bool, save: Callable[..., None]
) -> None:
    """Big-endian ones, too; in blocks of a few rows, so that their bounds are crossed."""
    monkeypatch.setattr(npz_archive, "_GATHERED", 1000)
    slices = blocks.slices
    monkeypatch.setattr(blocks, "slices", lambda rows, row_bytes, size=500: slices(rows, row_bytes, min(size, 1000)))
    array = np.asarray(_ARRAY.astype(dtype), order="F" if fortran else "C")
    save(tmp_path / "x.npz", a=array, b=np.arange(3))
    with np.load(tmp_path / "x.npz") as theirs:
        np.testing.assert_array_equal(_rows(tmp_path / "x.npz"), theirs["a"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_bit_in_a_late_block_is_found(tmp_path: Path, save: Callable[..., None]) -> None:
    """By the archive's checksum, at its end at the latest."""
    array = np.random.default_rng(0).integers(0, 256, (3000, 3000), np.uint8)
    save(tmp_path / "x.npz", a=array)
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[8_500_000] ^= 1
    (tmp_path / "x.npz").write_bytes(content)
    with npz_archive.opened(tmp_path / "x.npz", _NAMES) as archive, pytest.raises(DataError, match=r"numpy\.savez"):
        list(archive.rows("a"))


def test_a_head_that_asks_for_more_than_there_is_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """A shape of a petabyte takes no memory."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive, archive.open("a.npy", "w") as member:
        header: Any = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**9)}
        np.lib.format.write_array_header_1_0(member, header)
        member.write(b"few")
    with (
        pytest.raises(DataError, match="holds 3 bytes; expected 1,000,000,000,000,000 for its shape"),
        npz_archive.opened(tmp_path / "x.npz", _NAMES),
    ):
        pass


def test_a_single_value_has_a_head_and_no_rows(tmp_path: Path) -> None:
    """Who asks for images refuses its shape."""
    np.savez(tmp_path / "x.npz", a=np.uint8(3))
    with npz_archive.opened(tmp_path / "x.npz", _NAMES) as archive:
        assert archive.heads["a"].shape == ()
        assert archive.array("a") == 3
