"""A tool's process tells of every way in which it quantizes, of those that fail too."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import handover
from benchmarks.peers.handover import Images, Way

IMAGES = np.zeros((3, 1, 2, 2), np.float32)


def served(monkeypatch: pytest.MonkeyPatch, folder: Path, **ways: Way) -> dict[str, handover.Outcome]:
    np.save(folder / handover.CALIBRATION, IMAGES)
    output = handover.emptied(folder / "output")
    monkeypatch.setattr(sys, "argv", ["tool", str(folder), str(output)])
    handover.serve(ways, packages=("numpy",))
    versions, outcomes = handover.read(output)
    assert versions == {"numpy": np.__version__}
    return dict(zip(ways, outcomes, strict=True))


def writes(given: Path, images: Images, output: Path) -> None:
    output.write_bytes(images.tobytes())


def fails(given: Path, images: Images, output: Path) -> None:
    output.write_bytes(b"half a model")
    raise ValueError("no kernel\n  for Conv\n")


def test_a_way_that_fails_is_told_by_the_last_line_of_its_error_and_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = served(monkeypatch, tmp_path, int4=Way("fails()", "4, 8", fails), int8=Way("writes()", "8, 8", writes))
    assert found["int4"] == handover.Outcome("fails()", "4, 8", None, None, "ValueError: for Conv")
    assert found["int8"].file == "int8.onnx"
    assert found["int8"].error is None
    assert {path.name for path in (tmp_path / "output").glob("*.onnx")} == {"int8.onnx"}
    assert (tmp_path / "output" / "int8.onnx").read_bytes() == IMAGES.tobytes()


def test_the_seconds_are_the_median_of_three_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = iter([0.0, 5.0, 10.0, 11.0, 20.0, 27.0])
    with monkeypatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: next(clock))
        found = served(monkeypatch, tmp_path, int8=Way("writes()", "8, 8", writes))
    assert found["int8"].seconds == 5.0


def test_calibration_reads_one_image_at_a_time_in_order() -> None:
    images = np.arange(12, dtype=np.float32).reshape(3, 1, 2, 2)
    read = [batch["input"] for batch in handover.batches_of_one(images)]
    assert [batch.shape for batch in read] == [(1, 1, 2, 2)] * 3
    np.testing.assert_array_equal(np.concatenate(read), images)


def test_what_an_earlier_call_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / "output" / "deep").mkdir(parents=True)
    assert list(handover.emptied(tmp_path / "output").iterdir()) == []
