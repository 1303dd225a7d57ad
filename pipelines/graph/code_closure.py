"""The code that a stage runs: the modules that it reaches by import, each with its digest."""

import hashlib
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from compression_ops.implementations import find_module, package_folders
from pipelines.graph import installed
from pipelines.graph.module_source import ModuleSource, SourceError
from pipelines.graph.parsed_modules import ParsedModules

_INSTALLED = tuple(sysconfig.get_paths()[key] for key in ("purelib", "platlib", "stdlib", "platstdlib"))
_SITES = frozenset({"site-packages", "dist-packages"})  # of the system, of the user, of an environment below this one
# Whose requirements are recorded with each result, and whose choices stand in the recipe.
_PRODUCT = frozenset({"compression_ops", __name__.partition(".")[0]})


class Code:
    """The code as it lies on the disk: each module is read once, when it is first asked for.

    What parsing finds is kept in the file `memory`, if one is given.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._parsed = ParsedModules(memory)
        self._modules: dict[str, tuple[str, ModuleSource] | None] = {}
        self._closures: dict[tuple[object, ...], dict[str, str]] = {}

    def anew(self) -> "Code":
        """The code as it is now."""
        return Code(self._memory)

    def closure(
        self, entries: Iterable[str], named: Mapping[str, Sequence[str]] = MappingProxyType({})
    ) -> dict[str, str]:
        """{module name: SHA-256 of its normalized source} of the entry modules and of all that they reach.

        named  of a module of the product that imports others by their names: those that are meant

        Data files that a module names are hashed with it. Of an installed package that is an entry, or that a module
        of the user's imports, the version counts: {its name: what `installed.version` says}. The standard library and
        what the product itself requires are left out: their versions are recorded in the lineage.
        """
        given = tuple(entries)
        key = given, tuple((name, tuple(meant)) for name, meant in named.items())
        if key not in self._closures:
            self._closures[key] = self._reached(given, named)
            self._parsed.save()
        return self._closures[key]

    def unseen(self, entries: Iterable[str]) -> Iterator[str]:
        """`file.py:12` of each import, in the user's modules of a closure, of which the source does not say what of.

        A module that names its RESOURCES is taken at its word.
        """
        for name in self.closure(entries):
            found = None if _is_product(name) else self._module(name)
            if found is not None and not found[1].resources:
                yield from (f"{find_module(name)}:{line}" for line in found[1].unseen)

    def _reached(self, entries: tuple[str, ...], named: Mapping[str, Sequence[str]]) -> dict[str, str]:
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
                waiting += [*self._imported(name, source), *named.get(name, ()), *_parents(name)]
                digests |= self._perhaps_imported(name, source, waiting)
            elif (version := _installed(name)) is not None:
                digests[name.partition(".")[0]] = version
        return dict(sorted(digests.items()))

    def _imported(self, name: str, source: ModuleSource) -> Iterator[str]:
        if _is_product(name):
            yield from filter(_is_product, source.imports)
            return
        yield from source.imports
        yield from (late for late in source.late_imports if not late.endswith("*"))

    def _perhaps_imported(self, name: str, source: ModuleSource, waiting: list[str]) -> dict[str, str]:
        """Add what a name of which only the beginning is known may stand for to what is waiting.

        One of them that is no Python may be none that is imported: it counts as it is, {name: digest of its bytes}.
        """
        digests: dict[str, str] = {}
        for late in () if _is_product(name) else source.late_imports:
            for found in _below(late[:-1]) if late.endswith("*") else ():
                try:
                    self._module(found)
                    waiting.append(found)
                except SourceError:
                    file = find_module(found)
                    digests[found] = hashlib.sha256(file.read_bytes() if file else b"").hexdigest()
        return digests

    def _module(self, name: str) -> tuple[str, ModuleSource] | None:
        """A module's digest and source; None if it is not ours, or no module."""
        if name not in self._modules:
            file = find_module(name) if _is_ours(name) else None
            if file is None:
                self._modules[name] = None
            else:
                source = self._parsed.of(name, file)
                self._modules[name] = (_with_resources(source, file.parent), source)
        return self._modules[name]


def _is_product(name: str) -> bool:
    return name.partition(".")[0] in _PRODUCT


def _is_ours(name: str) -> bool:
    """Whether a module is the product's or its user's own, not installed from somewhere else."""
    return _lies_outside(name.partition(".")[0])


@lru_cache(maxsize=1024)
def _lies_outside(top_level: str) -> bool:
    if top_level in _PRODUCT:
        return True
    file = find_module(top_level)
    places = [file] if file else package_folders(top_level)  # a package without `__init__.py` has only folders
    if not places or not all(map(_is_site, places)):
        return bool(places)
    # Of what somebody copied there no version tells.
    return not installed.is_recorded(top_level) and installed.version(top_level) is None


def _is_site(place: Path) -> bool:
    return not _SITES.isdisjoint(place.parts) or any(place.is_relative_to(folder) for folder in _INSTALLED)


def _installed(name: str) -> str | None:
    top_level = name.partition(".")[0]
    if installed.is_recorded(top_level) or _is_ours(name):
        return None
    return installed.version(top_level)


def _below(prefix: str) -> Iterator[str]:
    """The names of all modules that begin so: with `nets.re`, as `nets.resnet` and `nets.resnet.blocks` do."""
    package = prefix.rpartition(".")[0]
    yield package
    if _is_ours(package):
        for folder in package_folders(package):
            for file in sorted(folder.rglob("*.py")):
                name = ".".join([package, *file.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__")
                if name.startswith(prefix):
                    yield name


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
