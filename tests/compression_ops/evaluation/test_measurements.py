"""Measurements come back from their files as they were; what differs from run to run stands in a file of its own."""

import json
import re
from pathlib import Path

import numpy as np

from compression_ops.evaluation import measurements
from tests.compression_ops import example_report


def test_they_come_back_from_their_files_as_they_were(tmp_path: Path) -> None:
    first = example_report.measurements()
    measurements.write(first, tmp_path)
    again = measurements.read(tmp_path)
    assert again.metrics() == first.metrics()
    assert (again.classes, again.conditions, again.timings.processor) == (
        first.classes,
        first.conditions,
        first.timings.processor,
    )
    for before, after in zip(first.models, again.models, strict=True):
        assert (before.name, before.role, before.teacher, before.change) == (
            after.name,
            after.role,
            after.teacher,
            after.change,
        )
        assert np.array_equal(before.quality.confusion, after.quality.confusion)
    for key, latency in first.timings.latency.items():
        assert np.array_equal(again.timings.latency[key].samples_us, latency.samples_us)


def test_what_identical_runs_repeat_holds_nothing_that_time_changes(tmp_path: Path) -> None:
    measurements.write(example_report.measurements(), tmp_path)
    content = json.loads((tmp_path / measurements.CONTENT).read_text())
    assert not re.search("latency|memory|speed|AVX|iterations", json.dumps(content))
    assert content["models"][0]["name"] == "teacher"
