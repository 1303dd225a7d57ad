"""Docstrings of five installed packages, by which package one is of: texts that need no network.

The functions and classes of NumPy, pandas, SciPy, scikit-learn and PyTorch, at most 1,000 docstrings of a package,
evenly over its files in order. Read from the source as it is installed, by its syntax tree, without importing any. So
the texts are those of the installed versions: another version is another data set, as raw data that changed. A text is
the beginning of a docstring, before its first example. One that a package repeats is taken once, and one that two
packages share not at all, so nothing stands in two splits.
"""

import ast
import importlib.util
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NoReturn

from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.texts import words
from compression_ops.data.texts.coding import Coding
from compression_ops.data.texts.corpus import Corpus, Text
from compression_ops.errors import DataError
from compression_ops.progress import ProgressCallback

_MOST = 1000  # docstrings of a package
_FEWEST_WORDS = 8
_TEST_FRACTION = 0.2
_EXAMPLE = ">>>"
# Class, and the folders below the installed packages that are searched, with what lies below them but tests.
_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "numpy": ("numpy/lib", "numpy/_core", "numpy/ma", "numpy/linalg", "numpy/fft", "numpy/polynomial"),
    "pandas": (
        "pandas/core/indexes",
        "pandas/core/arrays",
        "pandas/core/groupby",
        "pandas/io/formats",
        "pandas/tseries",
    ),
    "scipy": ("scipy/stats", "scipy/signal", "scipy/linalg"),
    "sklearn": ("sklearn/linear_model", "sklearn/ensemble", "sklearn/cluster", "sklearn/metrics", "sklearn/utils"),
    "torch": ("torch/nn", "torch/optim", "torch/distributions"),
}
_TESTS = {"tests", "testing", "test"}
_CURE = "Install it again: pip install --force-reinstall numpy pandas scipy scikit-learn torch"


class Docstrings(Coding):
    source: Literal["docstrings"]


def locate(spec: Docstrings, folders: Sequence[Path]) -> Path | None:
    """The folder into which the packages are installed; None where it holds not all of them."""
    package = importlib.util.find_spec("numpy")
    places = [Path(place).parent for place in (package.submodule_search_locations or ())] if package else []
    return next((root for root in places if all((root / name).is_dir() for name in _PACKAGES)), None)


def files(spec: Docstrings, root: Path) -> list[Path]:
    """The source files that are searched, sorted."""
    return sorted(file for name in _PACKAGES for file in _files(root, name))


def download(spec: Docstrings, folder: Path, progress: ProgressCallback) -> NoReturn:
    """Nothing is fetched by itself. Raises DataError that says what to install."""
    raise DataError(
        "source docstrings: NumPy, pandas, SciPy, scikit-learn and PyTorch are not installed in one folder of "
        "packages. Install them: pip install numpy pandas scipy scikit-learn torch"
    )


def read(spec: Docstrings, root: Path) -> RawData:
    """Codes int64 [N, length]; classes are the packages. Raises DataError for a file that is no Python, or is gone."""
    owners = dict[tuple[str, ...], str]()
    found = {name: dict[tuple[str, ...], Text]() for name in _PACKAGES}
    for label, name in enumerate(_PACKAGES):
        for text in _docstrings(root, name, label):
            key = tuple(words.of(text.text)[: spec.length])
            if len(key) >= _FEWEST_WORDS and owners.setdefault(key, name) == name:
                found[name].setdefault(key, text)
            elif len(key) >= _FEWEST_WORDS:
                found[owners[key]].pop(key, None)
    corpus = Corpus(spec, f"{root}", tuple(_PACKAGES))
    train = corpus.samples(text for texts in found.values() for text in _evenly(list(texts.values()), spec.length))
    return corpus.raw(train, HoldOut(_TEST_FRACTION))


def _files(root: Path, name: str) -> Iterator[Path]:
    for folder in _PACKAGES[name]:
        for file in sorted((root / folder).rglob("*.py")):
            if _TESTS.isdisjoint(file.relative_to(root).parts):
                yield file


def _docstrings(root: Path, name: str, label: int) -> Iterator[Text]:
    """Those of a package's functions and classes, file by file."""
    for file in _files(root, name):
        try:
            with warnings.catch_warnings(action="ignore"):  # of escapes in other people's strings
                tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"{file}: no Python that can be read ({error}). {_CURE}") from error
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = (ast.get_docstring(node) or "").partition(_EXAMPLE)[0]
                yield Text(text, label, f"{file.relative_to(root).as_posix()}: {node.name}")


def _evenly(texts: list[Text], length: int) -> Iterator[Text]:
    """At most so many of them, evenly, each of the words that are read of it: that it is longer is by intent."""
    import numpy as np

    for place in np.unique(np.linspace(0, len(texts) - 1, _MOST).round().astype(np.int64)) if texts else ():
        text = texts[place]
        yield text._replace(text=" ".join(words.of(text.text)[:length]))
