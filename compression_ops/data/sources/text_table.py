"""A user's own texts in a table: a row a text, with its class in another column.

    reviews.csv     review,stars,fold
                    "Not bad, not good.",3,train

The table is CSV of any usual delimiter or Parquet (compression_ops.data.tables.table_file).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from compression_ops.data import file_names
from compression_ops.data.file_names import key, listed, shown
from compression_ops.data.folders.layout import natural
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.tables import labels, rows, table_file
from compression_ops.data.tables.rows import SplitColumns
from compression_ops.data.tables.table_file import Table
from compression_ops.data.texts import text_file
from compression_ops.data.texts.coding import Coding
from compression_ops.data.texts.corpus import Corpus, Text
from compression_ops.data.texts.text_file import Encoding
from compression_ops.errors import DataError


class TextTable(Coding, SplitColumns):
    source: Literal["text_table"]
    path: str = Field(min_length=1, description="The table: .csv, .tsv or .parquet, with a row a text.")
    text: str = Field(min_length=1, description="Column of the texts.")
    label: str = Field(min_length=1, description="Column of the classes: text or whole numbers.")
    encoding: Encoding = Field(default="utf-8", description="Of a CSV table, as Python names it.")


def locate(spec: TextTable, folders: Sequence[Path]) -> Path | None:
    """The file `path`: as it is, or where relative also in each of `folders`; None where there is none."""
    return file_names.placed(spec.path, folders, Path.is_file)


def files(spec: TextTable, root: Path) -> list[Path]:
    """The table."""
    return [root]


def examine(spec: TextTable, root: Path) -> None:
    """Raises DataError as `read` does, but for what is wrong with the texts themselves."""
    _labelled(spec, root)


def read(spec: TextTable, root: Path) -> RawData:
    """Codes int64 [N, length]; classes are the labels in natural order. A text is named by its line.

    Raises DataError, which names lines, for columns that are not there, rows without a label, labels that are no
    classes, entries that name no split, groups in train and test, and bytes that are none of the encoding.
    """
    table, parts, classes, warnings = _labelled(spec, root)
    corpus = Corpus(spec, shown(root), classes)
    samples = [corpus.samples(part, spec.groups is not None) for part in parts if part]
    test = samples[1] if len(samples) == 2 else HoldOut(spec.test_fraction)
    return corpus.raw(samples[0], test, [*warnings, *labels.alike(table, classes)])


def _labelled(spec: TextTable, root: Path) -> tuple[Table, tuple[list[Text], list[Text]], list[str], list[str]]:
    """The table, the texts of train and test, the classes, and warnings."""
    wanted = {name for name in (spec.text, spec.label, spec.split, spec.groups) if name is not None}
    table = table_file.read(root, wanted, lambda path: text_file.stream(path, spec.encoding))
    texts, stated = (
        list(labels.column(table, name, field)) for name, field in ((spec.text, "text"), (spec.label, "label"))
    )
    table.columns.pop(spec.text)  # held once

    warnings = list[str]()
    roles, taken = rows.roles_of(table, spec.split, warnings, "texts")
    labels.require_filled(table, stated, taken, spec.label, "label")
    found = labels.classes_of(table, stated, taken, spec.label)
    classes = sorted(set(found), key=natural)
    numbers = {name: number for number, name in enumerate(classes)}
    groups = _groups(table, spec.groups, taken)
    parts: dict[str, list[Text]] = {"train": [], "test": []}
    for row, name, group in zip(taken, found, groups, strict=True):
        parts[roles[row]].append(Text(texts[row], numbers[name], table.at([row]), group))
    _require_apart(parts, root)
    return table, (parts["train"], parts["test"]), classes, warnings


def _groups(table: Table, name: str | None, taken: Sequence[int]) -> list[str]:
    if name is None:
        return [""] * len(taken)
    entries = list(labels.column(table, name, "groups"))
    labels.require_filled(table, entries, taken, name, "groups")
    return [key(entry) for entry in labels.normal([entries[row] for row in taken])]


def _require_apart(parts: dict[str, list[Text]], root: Path) -> None:
    train, test = ({text.group for text in parts[name] if text.group} for name in ("train", "test"))
    if torn := sorted(train & test):
        raise DataError(
            f"dataset.groups: {len(torn):,} group(s) stand in train and in test in {shown(root)}: {listed(torn)}. Move "
            "all rows of each to one side, or leave `split` out: test is then held out by groups"
        )
