"""The tables for classification that scikit-learn installs, read without importing it. They need no network.

breast_cancer  569 rows: 30 numbers measured on the nuclei of cells in a picture of a needle aspirate, by whether the
               mass was malignant (Street, Wolberg & Mangasarian 1993; UCI, "Breast Cancer Wisconsin (Diagnostic)")
iris           150 rows: 4 lengths of sepals and petals, by species (Fisher 1936; UCI)
wine           178 rows: 13 numbers of a chemical analysis, by cultivar (Forina et al. 1988; UCI)
"""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from compression_ops.data.modalities.table import Table
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.errors import DataError

_TEST_FRACTION = 0.2
_CURE = "Install scikit-learn again."
_NUCLEI = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip
# File and columns of each: the files name the classes alone.
_TABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "breast_cancer": (
        "breast_cancer.csv",
        (
            *(f"mean {name}" for name in _NUCLEI),
            *(f"{name} error" for name in _NUCLEI),
            *(f"worst {name}" for name in _NUCLEI),
        ),
    ),
    "iris": ("iris.csv", ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")),
    "wine": (
        "wine_data.csv",
        (
            "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
            "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines",
            "proline",
        ),
    ),
}  # fmt: skip


class SklearnTable(DatasetSpec):
    source: Literal["sklearn_table"]
    name: Literal["breast_cancer", "iris", "wine"] = Field(description="Which of scikit-learn's tables.")

    @property
    def sample_type(self) -> str:
        return "table"


def locate(spec: SklearnTable, folders: Sequence[Path]) -> Path | None:
    """The file inside the installed scikit-learn; None where that is not installed."""
    package = importlib.util.find_spec("sklearn")
    places = package.submodule_search_locations if package else None
    candidates = (Path(place, "datasets", "data", _TABLES[spec.name][0]) for place in places or ())
    return next((path for path in candidates if path.is_file()), None)


def files(spec: SklearnTable, root: Path) -> list[Path]:
    """The one file."""
    return [root]


def read(spec: SklearnTable, root: Path) -> RawData:
    """Rows float32 [N, F] of numbers.

    The file's first line is the number of rows, of columns, and the classes' names; every other is a row and its label.
    Raises DataError if the file is missing, damaged or different.
    """
    import numpy as np

    columns = _TABLES[spec.name][1]
    try:
        head, *lines = root.read_text(encoding="ascii").splitlines() or [""]
        rows, _, *classes = head.split(",")
        table = np.loadtxt(lines, dtype=np.float64, delimiter=",", ndmin=2)
        if table.shape != (int(rows), len(columns) + 1):
            raise ValueError(f"rows and columns {list(table.shape)}")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{root}: expected a line with the number of rows, and rows of {len(columns)} numbers and a label; found: "
            f"{error}. {_CURE}"
        ) from error
    samples = Samples(np.ascontiguousarray(table[:, :-1], np.float32), table[:, -1].astype(np.int64))
    modality = Table(columns, (None,) * len(columns))
    return RawData(samples, HoldOut(_TEST_FRACTION), tuple(classes), modality=modality)
