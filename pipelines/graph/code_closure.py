"""The code that a stage runs: the modules that it reaches by import, each with its digest."""

import hashlib
import sysconfig
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from compression_ops.implementations import find_module
from pipelines.graph.module_source import ModuleSource, SourceError
from pipelines.graph.parsed_modules import ParsedModules

_INSTALLED = tuple(sysconfig.get_paths()[key] for key in ("purelib", "platlib", "stdlib", "platstdlib"))
_SITES = frozenset({"site-packages", "dist-packages"})  # of the system, of the user, of an environment below this one


class Code:
    """The code as it lies on the disk: each module is read once, when it is first asked for.

    What parsing finds is kept in the file `memory`, if one is given.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._parsed = ParsedModules(memory)
        self._modules: dict[str, tuple[str, ModuleSource] | None] = {}
        self._closures: dict[tuple[str, ...], dict[str, str]] = {}

    def anew(self) -> "Code":
        """The code as it is now."""
        return Code(self._memory)

    def closure(self, entries: Iterable[str]) -> dict[str, str]:
        """{module name: SHA-256 of its normalized source} of the entry modules and of all that they reach.

        Installed third-party packages and the standard library are left out: their versions are recorded in the
        lineage. Data files that a module names are hashed with it.
        """
        key = tuple(entries)
        if key not in self._closures:
            self._closures[key] = self._reached(key)
            self._parsed.save()
        return self._closures[key]

    def _reached(self, entries: tuple[str, ...]) -> dict[str, str]:
        waiting = list(entries)
        digests: dict[str, str] = {}
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if (module := self._module(name)) is not None:
                digests[name], source = module
                waiting += [*source.imports, *_parents(name)]
        return dict(sorted(digests.items()))

    def _module(self, name: str) -> tuple[str, ModuleSource] | None:
        """A module's digest and source; None if it is not ours, or no module."""
        if name not in self._modules:
            file = find_module(name) if _is_ours(name.partition(".")[0]) else None
            if file is None:
                self._modules[name] = None
            else:
                source = self._parsed.of(name, file)
                self._modules[name] = (_with_resources(source, file.parent), source)
        return self._modules[name]


@lru_cache(maxsize=1024)
def _is_ours(top_level: str) -> bool:
    """Whether a top-level module is the product's or its user's own, not installed from somewhere else."""
    if top_level == "compression_ops":
        return True
    file = find_module(top_level)
    if file is None or not _SITES.isdisjoint(file.parts):
        return False
    return not any(file.is_relative_to(folder) for folder in _INSTALLED)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))]


def _with_resources(source: ModuleSource, folder: Path) -> str:
    if not source.resources:
        return source.digest
    digest = hashlib.sha256(source.digest.encode())
    for resource in source.resources:
        try:
            digest.update((folder / resource).read_bytes())
        except OSError as error:
            raise SourceError(f"{folder / resource}: cannot be read ({error.strerror}); RESOURCES names it") from error
    return digest.hexdigest()
