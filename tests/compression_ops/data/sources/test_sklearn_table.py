"""scikit-learn's tables, read without scikit-learn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from compression_ops.data.samples import HoldOut
from compression_ops.data.sources import sklearn_table
from compression_ops.errors import DataError


def _spec(name: str) -> sklearn_table.SklearnTable:
    return sklearn_table.SklearnTable.model_validate({"source": "sklearn_table", "name": name})


def _root(name: str) -> Path:
    root = sklearn_table.locate(_spec(name), [])
    assert root is not None
    return root


@pytest.mark.parametrize("name", ["breast_cancer", "iris", "wine"])
def test_rows_labels_and_names_are_those_of_scikit_learn(name: str) -> None:
    theirs: Any = getattr(datasets, f"load_{name}")()
    raw = sklearn_table.read(_spec(name), _root(name))
    np.testing.assert_array_equal(raw.train.values, theirs.data.astype(np.float32))
    np.testing.assert_array_equal(raw.train.labels, theirs.target)
    assert raw.classes == tuple(map(str, theirs.target_names))
    assert raw.modality.fields()["columns"] == tuple(map(str, theirs.feature_names))
    assert raw.test == HoldOut(0.2)
    assert sklearn_table.files(_spec(name), _root(name)) == [_root(name)]


@pytest.mark.parametrize("text", ["", "150,4,a,b,c\n1,2,3,4,0\n", "2,4,a,b\n1,2,3,4,0\n1,2,x,4,1\n", "1,2,3\n1,2,0\n"])
def test_a_damaged_file_is_told_with_its_cure(tmp_path: Path, text: str) -> None:
    (tmp_path / "iris.csv").write_text(text)
    with pytest.raises(DataError, match=r"expected .* found: .* Install scikit-learn again"):
        sklearn_table.read(_spec("iris"), tmp_path / "iris.csv")
