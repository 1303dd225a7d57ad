"""What parsing found, kept in a file by the digest of what was parsed, so that no source is parsed twice.

An entry can't become wrong: its key is the SHA-256 of the source itself, of the module's name and of all that the
parser's answer depends on. A file that is lost or damaged is made anew.
"""

import hashlib
import json
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.graph.module_source import ModuleSource, SourceError, parse

_FORMAT = f"3 {sys.version_info[0]}.{sys.version_info[1]}"  # Python's minor versions print a syntax tree differently
_MOST = 4096  # entries, of 300 bytes each
_of_this_process: dict[str, ModuleSource] = {}  # whichever files it has read: a home that is not there yet keeps none


class ParsedModules:
    """Parses modules; what it knows lies in `file`, if there is one."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known = _read(file)
        self._used: dict[str, ModuleSource] = {}
        self._is_new = False

    def of(self, name: str, file: Path) -> ModuleSource:
        """What the module of that name is, whose source is that file. Raises OSError, SourceError."""
        source, is_package = file.read_bytes(), file.name == "__init__.py"
        key = hashlib.sha256(f"{_FORMAT} {name} {is_package} ".encode() + source).hexdigest()
        if key not in self._known:
            try:
                found = _of_this_process.get(key) or parse(name, source, is_package)
            except SourceError as error:
                raise SourceError(f"{file}:{error}\n  A stage of the recipe runs this module, {name}") from error
            self._known[key] = _of_this_process[key] = found
            self._is_new = True
        self._used[key] = self._known[key]
        return self._known[key]

    def save(self) -> None:
        """Write the file, if there is anything new to write and the folder exists."""
        if self._file is None or not self._is_new or not self._file.parent.is_dir():
            return
        kept = self._known if len(self._known) <= _MOST else self._used
        with suppress(OSError):  # a home that is only read is served, too
            descriptor, temporary = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.name)
            with os.fdopen(descriptor, "w") as stream:
                json.dump(kept, stream)
            Path(temporary).replace(self._file)
            self._is_new = False


def _read(file: Path | None) -> dict[str, ModuleSource]:
    try:
        fields: Any = json.loads(file.read_bytes()) if file else {}
        return {key: _module_source(*parts) for key, parts in fields.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _module_source(digest: Any, imports: Any, resources: Any, late_imports: Any, unseen: Any) -> ModuleSource:
    if not all(isinstance(text, str) for text in (digest, *imports, *resources, *late_imports)):
        raise TypeError("a digest or a name is no text")
    return ModuleSource(digest, tuple(imports), tuple(resources), tuple(late_imports), tuple(map(int, unseen)))
