"""Which files the names in a table mean."""

import os
from collections.abc import Iterable
from pathlib import Path

from compression_ops.data.file_names import key, shown
from compression_ops.data.folders import side_files
from compression_ops.data.formats.image_file import FOREIGN, is_named_like_a_picture
from compression_ops.errors import DataError


class NamedFiles:
    """Files by the names that people write: relative to one folder, each folder below it listed once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listings: dict[str, _Listing] = {}

    def find(self, name: str) -> list[Path]:
        """The file of that name: none where there is none, several where the name could mean each of them.

        First the one that is named so; then one that is named so but for case and Unicode form; then the picture whose
        name without its ending it is. Where there is none, backslashes are what Windows has for `/`.
        """
        if "\0" in name:  # which no file's name holds
            return []
        return self._named(name) or ("\\" in name and self._named(name.replace("\\", "/"))) or []

    def _named(self, name: str) -> list[Path]:
        relative = os.path.normpath(name)
        if os.path.isabs(relative):  # noqa: PTH117
            folder, file = os.path.split(relative)
            relative = os.path.relpath(f"{os.path.realpath(folder)}/{file}", os.path.realpath(self.folder))
        elif relative.startswith(".."):  # which may lead back into the folder
            relative = os.path.relpath(self.folder / relative, self.folder)
        inner, file = os.path.split(relative)
        if inner not in self._listings:
            self._listings[inner] = _Listing(self.folder / inner)
        return self._listings[inner].find(file)


class _Listing:
    """The files directly in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            with os.scandir(folder) as entries:
                self._files = {entry.name for entry in entries if _is_file(entry)}
        except PermissionError as error:
            cure = "Allow it, or correct the table."
            raise DataError(f"{shown(folder)}: cannot be listed ({error.strerror}). {cure}") from error
        except (OSError, ValueError):  # no such folder, or a name that no folder can have
            self._files = set[str]()
        self._alike: dict[str, list[str]] | None = None
        self._stems: dict[str, list[str]] | None = None

    def find(self, name: str) -> list[Path]:
        if name in self._files:
            return [self._folder / name]
        if self._alike is None:
            self._alike = _by_key((file, file) for file in self._files)
        found = self._alike.get(key(name)) or self._with_stem(name)
        return [self._folder / file for file in found]

    def _with_stem(self, stem: str) -> list[str]:
        if self._stems is None:
            pictures = [
                file for file in self._files if not side_files.is_hidden(file) and is_named_like_a_picture(file)
            ]
            self._stems = _by_key((file.rpartition(".")[0], file) for file in pictures)
        found = self._stems.get(key(stem), [])
        if len(found) > 1:
            found = [file for file in found if file.rpartition(".")[0] == stem] or found
            # A camera's raw file beside the picture that was developed from it is no second one.
            found = [file for file in found if f".{file.rpartition('.')[2].lower()}" not in FOREIGN] or found
        return found


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found = dict[str, list[str]]()
    for name, file in pairs:
        found.setdefault(key(name), []).append(file)
    return {name: sorted(files) for name, files in found.items()}
