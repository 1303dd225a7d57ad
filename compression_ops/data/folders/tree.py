"""The folders and files below a root that a person would count as theirs, and what else was met on the way."""

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from compression_ops.data.file_names import lines, listed
from compression_ops.data.folders import side_files
from compression_ops.data.folders.content import Content
from compression_ops.errors import DataError


@dataclass(frozen=True)
class _Level:
    folders: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass
class Tree:
    """What lies below `root`, each folder read once.

    root       the folder that everything is told relative to
    content    what is searched for
    hidden     folders that are hidden or that a system keeps for itself, and how much of it each holds; none is looked
               into
    backups    earlier or unfinished copies of files, and raw files beside their developed picture
    unreadable folders and files that may not be read
    broken     neither files nor folders: links to nothing or to themselves, pipes
    """

    root: Path
    content: Content
    hidden: dict[Path, int] = field(default_factory=dict)
    backups: list[Path] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)
    _levels: dict[Path, _Level] = field(default_factory=dict, repr=False)
    _holding: dict[Path, bool] = field(default_factory=dict, repr=False)

    def folders(self, folder: Path) -> tuple[Path, ...]:
        """The folders directly in one, sorted."""
        return self._level(folder).folders

    def files(self, folder: Path) -> tuple[Path, ...]:
        """The files directly in one, sorted."""
        return self._level(folder).files

    def below(self, folder: Path) -> Iterator[Path]:
        """All files below a folder, sorted; linked folders are followed, each once, and none that leads out upwards."""
        above = {*self.root.resolve().parents, self.root.resolve(), *(p.resolve() for p in self._between(folder))}
        return self._walk(folder, above)

    def holds_some(self, folder: Path) -> bool:
        """Whether any file below a folder is named like what is searched for, or else is such."""
        if folder not in self._holding:
            self._holding[folder] = any(self._is_named_like(file) for file in self.below(folder)) or any(
                map(self.content.is_one, self.below(folder))
            )
        return self._holding[folder]

    def loose(self, folder: Path) -> list[Path]:
        """The files directly in a folder that are named like what is searched for."""
        return [file for file in self.files(folder) if self._is_named_like(file)]

    def _is_named_like(self, file: Path) -> bool:
        return self.content.is_named_like(file.name)

    def require_readable(self) -> None:
        """Raises DataError that names everything met so far that is broken or may not be read."""
        if self.unreadable:
            raise DataError(
                f"{self.root}: {len(self.unreadable):,} folder(s) or file(s) cannot be read; allow it or remove them:"
                + lines(self.unreadable)
            )
        if self.broken:
            raise DataError(
                f"{self.root}: {len(self.broken):,} name(s) are neither a file nor a folder (links to nothing?); mend "
                f"the links or remove them:{lines(self.relative(self.broken))}"
            )

    def warnings(self) -> list[str]:
        """What was left out without being looked at, counted and named."""
        told = list[str]()
        counted = {folder: count for folder, count in self.hidden.items() if count}
        if counted:
            names = [f"{self._relative(folder)} ({count:,})" for folder, count in counted.items()]
            told.append(
                f"{self.root}: {sum(counted.values()):,} {self.content.noun}(s) in {len(names):,} folder(s) that are "
                f"hidden or that a system keeps for itself were left out: {listed(names)}."
            )
        if self.backups:
            told.append(
                f"{self.root}: {len(self.backups):,} file(s) that are copies of others (hidden, backups, half "
                f"downloads{self._raw}) were left out: {listed(self.relative(self.backups))}."
            )
        return told

    @property
    def _raw(self) -> str:
        return f", raw files of a {self.content.noun}" if self.content.foreign else ""

    def relative(self, paths: Sequence[Path]) -> list[str]:
        """Paths as they are told: from the root."""
        return [self._relative(path) for path in paths]

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _between(self, folder: Path) -> Iterator[Path]:
        while folder != self.root:
            yield folder
            folder = folder.parent

    def _walk(self, folder: Path, seen: set[Path]) -> Iterator[Path]:
        level = self._level(folder)
        if not level.folders:
            yield from level.files
            return
        folders = set(level.folders)
        for entry in sorted([*level.folders, *level.files], key=lambda path: path.name):
            if entry not in folders:
                yield entry
                continue
            real = entry.resolve()
            if real not in seen:
                seen.add(real)
                yield from self._walk(entry, seen)

    def _level(self, folder: Path) -> _Level:
        if folder not in self._levels:
            self._levels[folder] = self._read(folder)
        return self._levels[folder]

    def _read(self, folder: Path) -> _Level:
        try:
            with os.scandir(folder) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            if folder == self.root:
                cure = "Correct path or the folder's rights."
                raise DataError(f"{folder}: cannot be listed ({error.strerror}). {cure}") from error
            self.unreadable.append(f"{self._relative(folder)}: {error.strerror}")
            return _Level()
        folders, files = list[Path](), list[Path]()
        for entry in entries:
            if _is(entry, "is_dir"):
                if side_files.is_hidden(entry.name) or side_files.is_kept_by_a_system(entry.name):
                    self.hidden[folder / entry.name] = self._count_in(folder / entry.name)
                else:
                    folders.append(folder / entry.name)
            elif self._is_wanted(entry, folder):
                files.append(folder / entry.name)
        return _Level(tuple(folders), tuple(self._without_raw_twins(files)))

    def _is_wanted(self, entry: "os.DirEntry[str]", folder: Path) -> bool:
        if side_files.is_hidden(entry.name) or side_files.is_backup(entry.name):
            if self.content.is_named_like(_without_backup(entry.name)) and not entry.name.startswith("._"):
                self.backups.append(folder / entry.name)
            return False
        if side_files.is_written_by_a_system(entry.name):
            return False
        if not _is(entry, "is_file"):
            self.broken.append(folder / entry.name)
            return False
        if not os.access(entry, os.R_OK):
            self.unreadable.append(f"{self._relative(folder / entry.name)}: {os.strerror(errno.EACCES)}")
            return False
        return True

    def _without_raw_twins(self, files: Sequence[Path]) -> list[Path]:
        """The files, but not what a camera or phone wrote a second time in a format that is not read."""
        foreign = {file for file in files if file.suffix.lower() in self.content.foreign}
        if not foreign:
            return list(files)
        others = {file.stem.casefold() for file in files if file not in foreign and self._is_named_like(file)}
        twins = {file for file in foreign if file.stem.casefold() in others}
        self.backups += sorted(twins)
        return [file for file in files if file not in twins]

    def _count_in(self, folder: Path) -> int:
        return sum(self.content.is_named_like(name) for _, _, names in os.walk(folder) for name in names)


def _is(entry: "os.DirEntry[str]", what: Literal["is_dir", "is_file"]) -> bool:
    try:
        return getattr(entry, what)()
    except OSError:  # a folder whose names may be read, but nothing else of it
        return False


def _without_backup(file: str) -> str:
    """`1.png` of `1.png.bak`, `1.png~` and `.1.png`."""
    name = file.removesuffix("~").lstrip(".")
    return name.removesuffix(Path(name).suffix) if side_files.is_backup(name) else name
