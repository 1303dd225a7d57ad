"""Watches what the code location is made from: recipes, the product's modules, and modules that a recipe chose.

Files are compared by their time of change and size at each look. A change counts once two looks in a row agree on it:
an editor, or git, may write in several steps.
"""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.commands import verdict
from pipelines.commands.verdict import Verdict
from pipelines.recipe import file as recipe_file

_PACKAGE = Path(__file__).resolve().parents[1]
_PRODUCT = (_PACKAGE.with_name("compression_ops"), _PACKAGE)
_SUFFIXES = (".py", ".html")  # modules, and the templates that they read
_PATIENCE = 20.0  # seconds until what is wrong is judged again without an edit: it may miss a file that nobody watches

Stamps = Mapping[Path, tuple[int, int]]


@dataclass(frozen=True)
class Change:
    """What one look found.

    files      whose content or existence is not as it was
    mistakes   what is wrong now and was not, or was in another way, in words
    wrong      the recipes that are wrong now
    mended     those that were wrong and are right now
    loadable   whether every module can be read, so that the code location can be loaded
    """

    files: tuple[Path, ...]
    mistakes: tuple[str, ...]
    wrong: tuple[str, ...]
    mended: tuple[str, ...]
    loadable: bool


class Watch:
    """Looks for changes since it was made, or since the last change that it told."""

    def __init__(self) -> None:
        self._chosen: set[Path] = set()  # files of modules that recipes chose
        self._broken: set[Path] = set()  # modules that were not Python when they were last looked at
        self._verdict = self._judge(())
        self._told = self._last = self._stamps()

    @property
    def mistakes(self) -> tuple[str, ...]:
        """What is wrong now, in words."""
        return (*self._verdict.wrong.values(), *self._verdict.broken)

    def look(self) -> Change | None:
        """A change that has settled, if there is one."""
        found = self._stamps()
        settled, self._last = found == self._last, found
        files = changed(self._told, found)
        overdue = bool(self.mistakes) and time.monotonic() - self._judged > _PATIENCE
        if not settled or not (files or overdue):
            return None
        before, mistakes = self._verdict, self.mistakes
        self._verdict = self._judge(files)
        # A recipe may have chosen other modules now: those are as they were judged, and the rest as it was seen.
        self._told = self._last = {path: found.get(path, stamp) for path, stamp in self._stamps().items()}
        if not files and self.mistakes == mistakes:
            return None
        right = set(recipe_file.recipe_names()) - set(self._verdict.wrong)
        return Change(
            files,
            mistakes=tuple(text for text in self.mistakes if text not in mistakes),
            wrong=tuple(self._verdict.wrong),
            mended=tuple(name for name in before.wrong if name in right),
            loadable=not self._verdict.broken,
        )

    def _judge(self, files: Iterable[Path]) -> Verdict:
        """A fresh process judges what it imports; of what it does not, modules that changed are parsed."""
        self._judged = time.monotonic()
        found = verdict.ask()
        suspects = {path for path in (*files, *self._broken) if path.suffix == ".py" and path.exists()}
        self._broken = {path for path in suspects if verdict.not_python([path])}
        broken = tuple(dict.fromkeys((*found.broken, *verdict.not_python(self._broken))))
        kept = self._chosen if found.wrong or broken else set[Path]()  # what is wrong now chooses nothing for a while
        self._chosen = kept | {Path(file) for file in found.chosen}
        return Verdict(found.wrong, broken, found.chosen)

    def _stamps(self) -> Stamps:
        defs = recipe_file.defs_folder().resolve()
        recipes = map(recipe_file.path_of, recipe_file.recipe_names())
        found = {*recipes, *defs.glob(f"*/{recipe_file.FILE_NAME}"), *defs.glob("*/*.py"), *self._chosen}
        for folder in _PRODUCT:
            found |= set(_sources(folder, defs))
        return stamps(found)


def stamps(files: Iterable[Path]) -> Stamps:
    """{file: (time of change in ns, size in bytes)} of those that exist."""
    found: dict[Path, tuple[int, int]] = {}
    for path in files:
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found


def changed(before: Stamps, after: Stamps) -> tuple[Path, ...]:
    """The files that are new, gone or not as they were, sorted."""
    return tuple(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)))


def _sources(folder: Path, defs: Path) -> Iterable[Path]:
    """The modules and templates of a package; what stands beside a recipe may be a data set of any size."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and Path(root, name) != defs]
        yield from (Path(root, name) for name in names if name.endswith(_SUFFIXES))
