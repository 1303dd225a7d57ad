"""Docstrings of packages that are written for the test, and of the installed ones against the modules themselves."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

from compression_ops.data.samples import HoldOut
from compression_ops.data.sources import docstrings
from compression_ops.data.texts import words
from compression_ops.errors import DataError

_SPEC = docstrings.Docstrings(source="docstrings", length=12)
_PACKAGES = ("numpy", "pandas", "scipy", "sklearn", "torch")
_PLACES = ("numpy/lib", "pandas/tseries", "scipy/stats", "sklearn/utils", "torch/nn")


def text(name: str, number: int = 0) -> str:
    return f"Of {name} number {number} a text of as many words as are asked for"


def write(root: Path, place: str, *found: str, file: str = "code.py") -> None:
    (root / place).mkdir(parents=True, exist_ok=True)
    functions = (f'def function_{number}():\n    """{each}"""\n' for number, each in enumerate(found))
    (root / place / file).write_text("\n".join(functions), encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, place in zip(_PACKAGES, _PLACES, strict=True):
        write(tmp_path, place, text(name), text(name, 1) + "\n\n    >>> and_an_example()", text(name), "Too short.")
    return tmp_path


def test_a_text_is_a_docstring_before_its_example_once_by_its_package(root: Path) -> None:
    raw = docstrings.read(_SPEC, root)
    assert raw.classes == _PACKAGES
    assert raw.train.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    expected = [words.row(words.of(text(name, number)), 12) for name in _PACKAGES for number in (0, 1)]
    np.testing.assert_array_equal(raw.train.values, expected)
    assert raw.train.names is not None
    assert raw.train.names[0] == "numpy/lib/code.py: function_0"
    assert (raw.test, raw.warnings) == (HoldOut(0.2), ())


def test_a_text_of_two_packages_is_of_neither_and_tests_are_not_searched(root: Path) -> None:
    before = len(docstrings.read(_SPEC, root).train)
    for place in _PLACES[1:4]:
        write(root, place, text("all"), file="shared.py")
    write(root, "numpy/lib/tests", text("tests"))
    assert len(docstrings.read(_SPEC, root).train) == before
    assert not any("tests" in file.parts for file in docstrings.files(_SPEC, root))


def test_of_many_texts_a_thousand_are_taken_evenly(root: Path) -> None:
    write(root, _PLACES[0], *(text("many", number) for number in range(2500)))
    raw = docstrings.read(_SPEC, root)
    assert raw.train.names is not None
    taken = [int(str(name).rpartition("_")[2]) for name in raw.train.names[raw.train.labels == 0]]
    assert (len(taken), taken[0], taken[-1]) == (1000, 0, 2499)
    assert set(np.diff(taken)) == {2, 3}


def test_a_file_that_is_no_python_is_told(root: Path) -> None:
    (root / _PLACES[2] / "broken.py").write_text("def (:")
    with pytest.raises(DataError, match=r"broken\.py: no Python that can be read .*Install it again"):
        docstrings.read(_SPEC, root)


def test_packages_that_are_not_installed_are_told() -> None:
    with pytest.raises(DataError, match="not installed in one folder"):
        docstrings.download(_SPEC, Path(), lambda _: None)


@pytest.mark.slow(seconds=10)
def test_the_installed_packages_are_read_as_python_reads_them() -> None:
    installed = docstrings.locate(_SPEC, [])
    assert installed is not None
    raw = docstrings.read(docstrings.Docstrings(source="docstrings", length=48), installed)
    assert raw.train.names is not None
    assert raw.warnings == ()
    counts = np.bincount(raw.train.labels)
    assert counts.min() > 500
    assert counts.max() == 1000
    found = {str(name): row for name, row in zip(raw.train.names, raw.train.values, strict=True)}
    checked = 0
    for name in ("lu", "qr", "svd", "schur", "expm", "inv", "solve", "det", "lstsq", "pinv", "hankel", "toeplitz"):
        function = getattr(scipy.linalg, name)
        file = Path(inspect.getfile(inspect.unwrap(function))).relative_to(installed).as_posix()
        if (row := found.get(f"{file}: {name}")) is not None:
            assert inspect.unwrap(function).__doc__
            shown = (inspect.getdoc(function) or "").partition(">>>")[0]
            checked += int(np.array_equal(row, words.row(words.of(shown), 48)))
    assert checked >= 3
