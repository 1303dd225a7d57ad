"""scikit-learn's digits, read without scikit-learn."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from compression_ops.data.samples import HoldOut
from compression_ops.data.sources import digits
from compression_ops.errors import DataError

_SPEC = digits.Digits(source="digits")


def _root() -> Path:
    root = digits.locate(_SPEC, [])
    assert root is not None
    return root


def test_pixels_and_labels_are_those_of_scikit_learn_scaled_to_a_byte() -> None:
    theirs = load_digits()
    raw = digits.read(_SPEC, _root())
    np.testing.assert_array_equal(raw.train.values[:, 0], np.rint(theirs.images * 255 / 16))
    np.testing.assert_array_equal(raw.train.labels, theirs.target)
    assert raw.train.values.dtype == np.uint8
    assert raw.classes == tuple(map(str, theirs.target_names))
    assert raw.test == HoldOut(0.2)


def test_no_grey_level_is_lost() -> None:
    raw = digits.read(_SPEC, _root())
    np.testing.assert_array_equal(np.rint(raw.train.values[:, 0] / 255 * 16), load_digits().images)


def test_the_raw_file_is_the_one_that_scikit_learn_installs() -> None:
    assert digits.files(_SPEC, _root()) == [_root()]
    assert _root().name == "digits.csv.gz"


def test_without_scikit_learn_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert digits.locate(_SPEC, []) is None


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"1,2,three\n"),
        gzip.compress(b"1,2,3\n"),
        gzip.compress(",".join(["17"] * 64 + ["3"]).encode()),
        gzip.compress(",".join(["-1"] * 64 + ["3"]).encode()),
        gzip.compress(b"\xff\xfe"),
        gzip.compress(b"1,2\n" * 50)[:-10],
        gzip.compress(b""),
        b"",
    ],
    ids=[
        "no gzip",
        "no number",
        "short row",
        "high level",
        "negative level",
        "no text",
        "cut short",
        "no row",
        "empty",
    ],
)
def test_a_damaged_or_different_file_is_refused_with_the_cure(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "digits.csv.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"digits\.csv\.gz: .*Install scikit-learn again"):
        digits.read(_SPEC, tmp_path / "digits.csv.gz")
