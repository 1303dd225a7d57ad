"""The stage `dataset` on a source of a user's own that says what its samples are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.errors import DataError
from compression_ops.stages import dataset
from compression_ops.stages.stage import Context


class Stated(DatasetSpec):
    said: str | None

    @property
    def sample_type(self) -> str | None:
        return self.said


def read(spec: Stated, root: Path) -> RawData:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    return RawData(Samples(images, np.arange(60) % 2), HoldOut(0.2), ("a", "b"))


def _run(folder: Path, said: Any) -> dict[str, float]:
    return dict(dataset.run(Stated(said=said), {"raw_data": folder}, Context(folder)).metrics)


def test_samples_of_another_type_than_the_source_says_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test_dataset_sample_type returned samples of type 'images'; .* is 'table'"):
        _run(tmp_path, "table")


@pytest.mark.parametrize("said", [None, "images"])
def test_samples_of_the_type_that_it_says_or_of_any_are_taken(said: str | None, tmp_path: Path) -> None:
    assert _run(tmp_path, said)["classes"] == 2
