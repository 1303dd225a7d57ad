"""The column of a table that says of which class each row is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from compression_ops.data.file_names import listed, shown
from compression_ops.data.folders.layout import natural
from compression_ops.data.tables import labels, numbers, table_file
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_CLASSES = 1000
_MOST_NUMBERS, _ROWS_A_NUMBER = 50, 10  # whole numbers beyond both are quantities


def of_tables(
    tables: Sequence[table_file.Table], name: str
) -> "tuple[list[NDArray[np.int64]], tuple[str, ...], list[str]]":
    """The labels of each table in turn, int64 [N]; the classes, in natural order; and warnings.

    Raises DataError for rows without a class, and for a column that says one class, another one in every row, or a
    quantity.
    """
    import numpy as np

    encoded = [labels.column(table, name, "target").encoded() for table in tables]
    distinct = {entry for texts, _ in encoded for entry in texts}
    are_numbers = numbers.are_numbers({entry for entry in distinct if not numbers.is_missing(entry)})
    for table, (texts, codes) in zip(
        tables, encoded, strict=True
    ):  # beside names `none` may be one, beside numbers not
        absent = [not entry or (are_numbers and numbers.is_missing(entry)) for entry in texts]
        labels.require_none(table, np.flatnonzero(np.array(absent, bool)[codes]).tolist(), name, "target")
    spelled = dict(zip(distinct, labels.normal([*distinct]), strict=True))
    classes = tuple(sorted(set(spelled.values()), key=natural))
    where = f"dataset.target: the column {shown(name)!r} of {shown(tables[0].path)}"
    _require_classes(where, tables[0], classes, sum(map(len, tables)))
    position = {each: number for number, each in enumerate(classes)}
    values = [np.array([position[spelled[entry]] for entry in texts], np.int64)[codes] for texts, codes in encoded]
    warnings = [*labels.alike(tables[0], classes), *_like_missing(tables[0], classes)]
    return values, classes, warnings


def _like_missing(table: table_file.Table, classes: Sequence[str]) -> list[str]:
    """A warning if classes are named as missing values of other columns are written; `none` may be one."""
    if odd := [name for name in classes if numbers.is_missing(name)]:
        return [f"{shown(table.path)}: taken as classes, not as rows without one: {listed(odd)}. Else remove the rows."]
    return []


def _require_classes(where: str, table: table_file.Table, classes: Sequence[str], rows: int) -> None:
    others = listed([each for each in table.names if each])
    if len(classes) < 2:
        raise DataError(
            f"{where} says {shown(classes[0])!r} in all {rows:,} row(s); at least two classes are needed. Add rows of "
            f"another class, or name another column: {others}."
        )
    are_numbers = numbers.are_numbers(classes)
    many = len(classes) > max(_MOST_NUMBERS, rows // _ROWS_A_NUMBER)
    if not labels.are_whole_or_text(classes) or (are_numbers and many):
        raise DataError(
            f"{where} holds {len(classes):,} different numbers in {rows:,} rows, as {listed(classes[:3])}: a quantity, "
            f"not a class. Write the name of a class into a column instead, such as the range that a number lies in, "
            f"and name that column."
        )
    if len(classes) == rows > 2:
        raise DataError(
            f"{where} says something else in each of {rows:,} rows: names of rows, not of classes. Name the column of "
            f"the classes; there are {others}."
        )
    if len(classes) > _MOST_CLASSES:
        raise DataError(
            f"{where} has {len(classes):,} different entries; allowed are {_MOST_CLASSES:,} classes. Put rare ones "
            f"together, or name another column: {others}."
        )
