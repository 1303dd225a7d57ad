"""Groups: samples that are taken of one thing (a patient, a module, a film) and must not be parted by a split."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, WithJsonSchema

from compression_ops.data.file_names import key, lines, listed, shown
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FOLDER = "folder"


def _rule(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if value != _FOLDER and groups != 1:
        raise ValueError(f"{groups} groups in the regular expression")
    return value


FileGroups = Annotated[
    str,
    AfterValidator(_rule),
    WithJsonSchema(
        {
            "type": "string",
            "allowed": "`folder`, or a regular expression with one group in brackets, as `(patient[0-9]+)_`",
        }
    ),
]


def of_files(rule: str, files: Sequence[Path], folders: Sequence[Path], root: Path) -> "NDArray[np.str_]":
    """The group of each file, [N].

    files    of images
    folders  for each file, the folder of its class, in which it lies
    root     the folder of the data set

    rule `folder`: the first folder below that of the class, so that all of a patient's visits stay together. Another
    rule is a regular expression that is searched for in the file's path from the root, with / between names; the group
    is what its bracket matched. One name is one group in all classes, in any case or Unicode form.
    Raises DataError that names all files of which the rule finds no group.
    """
    import numpy as np

    names = [_group(rule, file, folder, root) for file, folder in zip(files, folders, strict=True)]
    if none := [file.relative_to(root).as_posix() for file, name in zip(files, names, strict=True) if name is None]:
        why = "lie directly in the folder of their class" if rule == _FOLDER else "do not match the pattern"
        raise DataError(
            f"dataset.groups: {len(none):,} of {len(files):,} image(s) have no group by {rule!r}: they {why}. Move or "
            f"rename them, or state another pattern:{lines(none)}"
        )
    return np.array([name or "" for name in names], np.str_)


def _group(rule: str, file: Path, folder: Path, root: Path) -> str | None:
    if rule == _FOLDER:
        inner = file.relative_to(folder).parts
        return key(inner[0]) if len(inner) > 1 else None
    match = re.search(rule, shown(file.relative_to(root).as_posix()))
    return key(match[1]) if match and match[1] else None


def of_array(values: "NDArray[np.generic]", samples: int, where: str) -> "NDArray[np.str_]":
    """The group of each sample, [N], from integers or strings, [N] or [N, 1]. Raises DataError for any other array."""
    import numpy as np

    if values.dtype.kind not in "biuUS" or not (values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1)):
        raise DataError(
            f"{where}: {values.dtype} {list(values.shape)}; allowed as dataset.groups is one whole number or text a "
            f"sample. Convert it."
        )
    if len(values) != samples:
        raise DataError(
            f"{where}: {len(values):,} groups for {samples:,} samples; dataset.groups needs one a sample. Correct the "
            f"array."
        )
    return values.reshape(-1).astype(np.str_)


def require_apart(train: "NDArray[np.str_]", test: "NDArray[np.str_]") -> None:
    """Raises DataError that names all groups which stand in a data set's own training and test split."""
    import numpy as np

    if len(shared := np.intersect1d(train, test)):
        raise DataError(
            f"dataset.groups: {len(shared):,} group(s) stand in train and in test: {listed(shared.tolist())}. Move all "
            f"samples of each to one side, or give the data without a test split: it is then cut by groups."
        )
