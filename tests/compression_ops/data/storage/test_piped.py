"""A pipe is read as a file is: the readers here look at a file twice, and at its end."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from compression_ops.data.modalities.table import Table
from compression_ops.data.recordings import reading
from compression_ops.data.storage import piped
from compression_ops.data.tables import unlabelled
from compression_ops.errors import DataError

_TABLE = Table(("age", "plan"), (None, ("basic", "pro")))


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def _given(pipe: Path, content: bytes) -> Path:
    threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
    return pipe


def test_rows_and_recordings_come_through_a_pipe_and_bear_its_name(pipe: Path, tmp_path: Path) -> None:
    assert piped.is_piped(pipe)
    (row,) = piped.read(_given(pipe, b"age,plan\n7,Pro\n"), lambda file: unlabelled.read(file, _TABLE))
    assert (row.name, row.value.tolist()) == (f"{pipe} line 2", [7, 0])
    assert row.fault is not None
    assert "holds 'Pro'" in row.fault
    sound = np.arange(-400, 400, dtype=np.int16)
    wavfile.write(tmp_path / "a.wav", 8000, sound)
    (recording,) = piped.read(
        _given(pipe, (tmp_path / "a.wav").read_bytes()), lambda file: reading.recordings(file, 8000, 800)
    )
    assert recording.name == str(pipe)
    np.testing.assert_array_equal(recording.value, sound)
    assert not piped.is_piped(tmp_path / "a.wav")


def test_what_is_wrong_with_it_is_told_by_its_name(pipe: Path) -> None:
    with pytest.raises(DataError) as caught:
        piped.read(_given(pipe, b""), lambda file: unlabelled.read(file, _TABLE))
    assert str(caught.value).startswith(f"{pipe}: an empty table")


def test_a_dash_is_standard_input(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("age,plan\n7,pro\n8,\n")
    kept, given = os.dup(0), os.open(tmp_path / "rows.csv", os.O_RDONLY)
    try:
        os.dup2(given, 0)
        rows = piped.read(Path("-"), lambda file: unlabelled.read(file, _TABLE))
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(given)
    assert [(row.name, row.value.tolist()) for row in rows] == [("- line 2", [7, 2]), ("- line 3", [8, 0])]
