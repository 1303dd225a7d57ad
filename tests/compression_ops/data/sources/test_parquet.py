"""A table in Parquet, as pandas writes it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compression_ops.data.sources import parquet
from compression_ops.data.storage import memory
from compression_ops.errors import DataError, MemoryLimitError


def _spec(path: Path, columns: list[str] | None = None) -> parquet.Parquet:
    return parquet.Parquet(source="parquet", path=str(path), target="y", columns=columns)


def test_what_the_file_calls_text_is_of_categories(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.array([0.1, np.nan, 3, 4], np.float32), "zip": ["10", "20", None, "10"]})
    frame["kind"] = pd.Categorical(["b", "a", "b", "b"])
    frame["old"] = [True, False, True, True]
    frame["y"] = [1, 0, 1, 0]
    frame.to_parquet(tmp_path / "rows.parquet")
    raw = parquet.read(_spec(tmp_path / "rows.parquet"), tmp_path / "rows.parquet")
    assert raw.modality.fields()["categories"] == (None, ("10", "20"), ("a", "b"), ("False", "True"))
    expected = [[0.1, 1, 2, 2], [np.nan, 2, 1, 1], [3, 0, 2, 2], [4, 1, 2, 2]]
    np.testing.assert_array_equal(raw.train.values, np.array(expected, np.float32))
    assert (raw.train.labels.tolist(), raw.classes) == ([1, 0, 1, 0], ("0", "1"))


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]}).to_parquet(tmp_path / "rows.parquet")
    content = (tmp_path / "rows.parquet").read_bytes()
    (tmp_path / "rows.parquet").write_bytes(content[:-40])
    with pytest.raises(DataError, match="not a Parquet file that can be read"):
        parquet.read(_spec(tmp_path / "rows.parquet"), tmp_path / "rows.parquet")


def test_only_the_columns_that_the_recipe_names_count_and_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rows.parquet"
    pd.DataFrame({name: [1.5, 2.5, 3.5, 4.5] for name in "abcdef"} | {"y": [0, 1, 0, 1]}).to_parquet(file)
    monkeypatch.setattr(memory, "_LITTLE", 0)
    monkeypatch.setenv(memory.SETTING, "0.9kB")
    with pytest.raises(
        MemoryLimitError, match=r"COMPRESSION_MEMORY allows 0.9kB\. .* `columns` in the recipe's dataset"
    ):
        parquet.read(_spec(file), file)
    raw = parquet.read(_spec(file, ["e", "b"]), file)
    assert (raw.modality.fields()["columns"], raw.train.values.shape, raw.warnings) == (("e", "b"), (4, 2), ())
