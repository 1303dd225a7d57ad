"""What a table says of pictures: which file is of which class, in which split and which group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from compression_ops.data.file_names import key, lines, shown
from compression_ops.data.folders.layout import Labelled, natural
from compression_ops.data.folders.split_names import Role
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.tables import labels, table_file
from compression_ops.data.tables.named_files import NamedFiles
from compression_ops.data.tables.table_file import Table
from compression_ops.errors import DataError


class SplitColumns(DatasetSpec):
    """How a table of samples whose content lies elsewhere, or in a column, says which belongs to which split."""

    split: str | None = Field(
        default=None,
        min_length=1,
        description="Column whose entries are train, validation (which joins train) and test; none by default.",
    )
    groups: str | None = Field(
        default=None,
        min_length=1,
        description="Column whose equal entries mark samples that no split parts, as `patient`; none by default.",
    )
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where no column `split` names a test split."
    )


@dataclass(frozen=True)
class Columns:
    """Names of columns, as the recipe states them."""

    file: str
    label: str
    split: str | None = None
    groups: str | None = None

    def stated(self) -> set[str]:
        return {name for name in (self.file, self.label, self.split, self.groups) if name is not None}


@dataclass(frozen=True)
class Rows:
    """The pictures that a table names, each once, in its order.

    classes      names in natural order
    train, test  test is None where it is to be held out
    groups       of each file; empty where no column states them
    unlabelled   pictures of a split without labels, which are left out
    warnings     what a user should know of how the table was read
    """

    classes: tuple[str, ...]
    train: tuple[Labelled, ...]
    test: tuple[Labelled, ...] | None
    groups: Mapping[Path, str]
    unlabelled: frozenset[Path]
    warnings: tuple[str, ...]

    @property
    def files(self) -> list[Path]:
        return [labelled.file for labelled in (*self.train, *(self.test or ()))]


def read(path: Path, names: Columns, folder: Path) -> Rows:
    """Read a table whose file names are relative to a folder.

    Raises DataError, which names all rows by their lines: for columns that are not there, entries that are empty or
    name no split, files that are missing or could be several, rows that contradict each other, groups in train and
    test, and labels that are no classes.
    """
    table = table_file.read(path, names.stated())
    if not folder.is_dir():
        raise DataError(
            f"dataset.images: {shown(folder)} is no folder; needed is the one that the names in {shown(path)} are "
            f"relative to. It may be stated relative to the table's own folder."
        )
    warnings = list[str]()
    roles, rows = roles_of(table, names.split, warnings, "pictures")
    entries = {
        field: list(labels.column(table, name, field))
        for field, name in (("file", names.file), ("label", names.label), ("groups", names.groups))
        if name is not None
    }
    for field in entries:
        labels.require_filled(table, entries[field], rows, getattr(names, field), field)
    named = NamedFiles(folder)
    found = _files(table, entries["file"], rows, named)
    classes = labels.classes_of(table, entries["label"], rows, names.label)
    groups = [key(name) for name in labels.normal([entries["groups"][row] for row in rows])] if names.groups else []
    merged = _Said(table, rows, found, [roles[row] for row in rows], classes, groups).once(warnings)
    ordered = sorted(set(classes), key=natural)
    warnings += labels.alike(table, ordered)
    left_out = [
        file for row, role in enumerate(roles) if role == "unlabelled" for file in named.find(entries["file"][row])
    ]
    return _split(merged, ordered, folder, frozenset(left_out), warnings)


def roles_of(table: Table, split: str | None, warnings: list[str], noun: str) -> tuple[list[Role], list[int]]:
    """The role of every row, and the rows that are read. A validation split joins train, or is the test split.

    split  the column that says it; None where test is to be held out
    noun   what the samples are called, in `warnings`
    """
    if split is None:
        return ["train"] * len(table), list(range(len(table)))
    roles = labels.roles_of(table, list(labels.column(table, split, "split")), split)
    where = f"{shown(table.path)}: {split}"
    if unlabelled := [row for row, role in enumerate(roles) if role == "unlabelled"]:
        warnings.append(f"{where}: {len(unlabelled):,} row(s) of a split without labels were left out.")
    if "validation" in roles and "test" in roles:
        warnings.append(f"{where}: the {noun} for validation joined those of train; validation is cut from both.")
    elif "validation" in roles:
        warnings.append(f"{where}: there is no test split, so the one for validation is it; another is cut from train.")
    validation: Role = "train" if "test" in roles else "test"
    joined: list[Role] = [validation if role == "validation" else role for role in roles]
    return joined, [row for row, role in enumerate(roles) if role != "unlabelled"]


def _files(table: Table, entries: Sequence[str], rows: Sequence[int], named: NamedFiles) -> list[Path]:
    """The file of each of the rows."""
    found = [named.find(entries[row]) for row in rows]
    if missing := [row for row, files in zip(rows, found, strict=True) if not files]:
        told = [f"{entries[row]} ({table.at([row])})" for row in missing]
        raise DataError(
            f"{shown(table.path)}: {len(missing):,} of {len(rows):,} row(s) name a file that is not in "
            f"{shown(named.folder)}. Add the files, remove the rows, or state with `images` the folder that "
            f"the names are relative to:{lines(told)}"
        )
    if several := [(row, files) for row, files in zip(rows, found, strict=True) if len(files) > 1]:
        told = [
            f"{entries[row]} ({table.at([row])}): {', '.join(file.name for file in files)}" for row, files in several
        ]
        raise DataError(
            f"{shown(table.path)}: {len(several):,} name(s) could each mean several files in {shown(named.folder)}. "
            f"Write them with their endings, or remove the other files:{lines(told)}"
        )
    return [files[0] for files in found]


@dataclass(frozen=True)
class _Said:
    """What each row that is read says; all lists are as long as `rows`, but `groups`, which may be empty."""

    table: Table
    rows: Sequence[int]
    files: Sequence[Path]
    roles: Sequence[Role]
    classes: Sequence[str]
    groups: Sequence[str]

    def once(self, warnings: list[str]) -> "_Said":
        """Each file once. Raises DataError if rows of one file, or of one group, contradict each other."""
        by_file = dict[Path, list[int]]()
        for index, file in enumerate(self.files):
            by_file.setdefault(file, []).append(index)
        for field, said in (("label", self.classes), ("split", self.roles), ("groups", self.groups)):
            self._require_one(by_file, field, said)
        if again := len(self.rows) - len(by_file):
            repeated = [index for indices in by_file.values() for index in indices[1:]]
            warnings.append(
                f"{shown(self.table.path)}: {again:,} row(s) repeat another with the same file and label, and were "
                f"left out: {self._at(repeated[:20])}{' and more' if again > 20 else ''}."
            )
        first = [indices[0] for indices in by_file.values()]
        once = _Said(self.table, *([said[i] for i in first] if said else [] for said in self._columns()))
        once._require_groups_apart()
        return once

    def _columns(self) -> tuple[Sequence, ...]:
        return self.rows, self.files, self.roles, self.classes, self.groups

    def _at(self, indices: Sequence[int]) -> str:
        return self.table.at([self.rows[index] for index in indices])

    def _require_one(self, by_key: Mapping[Path, Sequence[int]], field: str, said: Sequence[str]) -> None:
        torn = {key: rows for key, rows in by_key.items() if said and len({said[row] for row in rows}) > 1}
        if not torn:
            return
        told = list[str]()
        for file, indices in torn.items():
            by_entry = {
                entry: [index for index in indices if said[index] == entry] for entry in map(said.__getitem__, indices)
            }
            told.append(
                f"{file.name}: " + "; ".join(f"{entry} on {self._at(rows)}" for entry, rows in by_entry.items())
            )
        everywhere = self._at([index for indices in torn.values() for index in indices])
        raise DataError(
            f"dataset.{field}: {len(torn):,} file(s) stand in several rows of {shown(self.table.path)} that differ in "
            f"it ({everywhere}); a picture has one. Correct or remove rows:{lines(told)}"
        )

    def _require_groups_apart(self) -> None:
        by_group = dict[str, list[int]]()
        for index, group in enumerate(self.groups):
            by_group.setdefault(group, []).append(index)
        torn = {group: rows for group, rows in by_group.items() if len({self.roles[row] for row in rows}) > 1}
        if torn:
            raise DataError(
                f"dataset.groups: {len(torn):,} group(s) stand in train and in test in {shown(self.table.path)}. Move "
                f"all rows of each to one side, or leave `split` out: test is then held out by groups:"
                + lines([f"{group}: {self._at(rows)}" for group, rows in torn.items()])
            )


def _split(
    said: _Said, ordered: Sequence[str], folder: Path, left_out: frozenset[Path], warnings: Sequence[str]
) -> Rows:
    numbers = {name: number for number, name in enumerate(ordered)}
    parts: dict[str, list[Labelled]] = {"train": [], "test": []}
    for file, role, name in zip(said.files, said.roles, said.classes, strict=True):
        parts[role].append(Labelled(file, numbers[name], folder))
    groups = dict(zip(said.files, said.groups, strict=True)) if said.groups else {}
    test = tuple(parts["test"]) if "test" in said.roles else None
    return Rows(tuple(ordered), tuple(parts["train"]), test, groups, left_out, tuple(warnings))
