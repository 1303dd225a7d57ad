"""Whose project a command works in: the checkout that the packages stand in or, where they are installed, the user's.

A user's project is the nearest folder, from the current one upwards, that holds `.compression`, `defs`, or a
`pyproject.toml` with `[tool.dg]` (or a `dg.toml`). Its recipes stand in `defs`; those of a project of Dagster's, in the
`defs` of that.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

STATE, DEFS = ".compression", "defs"
_PACKAGE = Path(__file__).resolve().parents[1]
_DISTRIBUTION = 'name = "compression-pipeline"'


@dataclass(frozen=True)
class Project:
    """A folder that commands work in, and where its recipes stand."""

    root: Path
    defs: Path

    @property
    def state(self) -> Path:
        """The home of its state."""
        return self.root / STATE


@cache
def checkout() -> Path | None:
    """The checkout that the packages are used from; None where they are installed."""
    root = _PACKAGE.parent
    try:
        return root if _DISTRIBUTION in (root / "pyproject.toml").read_text(encoding="utf-8") else None
    except (OSError, UnicodeDecodeError):
        return None


def shipped_defs() -> Path:
    """The recipes that come with the packages."""
    return _PACKAGE / DEFS


def current() -> Project:
    """The project of the current folder; without any, that of the user, among the system's folders for data."""
    root = checkout()
    if root is not None:
        return Project(root, shipped_defs())
    return enclosing(Path.cwd()) or _of_user()


def enclosing(folder: Path) -> Project | None:
    """The user's project that a folder belongs to, if there is one."""
    above = [folder, *folder.parents]
    for position, root in enumerate(above):
        own = _dagster_defs(root)
        if own is None and (root / DEFS).is_dir():
            # `defs` in the package of a project of Dagster's belongs to that project.
            owners = (parent for parent in above[position + 1 :] if _dagster_defs(parent) == root / DEFS)
            root = next(owners, root)
            own = _dagster_defs(root) or root / DEFS
        if own is not None or (root / STATE).is_dir():
            return Project(root, own or root / DEFS)
    return None


def _of_user() -> Project:
    from platformdirs import user_data_path

    root = user_data_path("compression-pipeline", appauthor=False)
    return Project(root, root / DEFS)


def _dagster_defs(root: Path) -> Path | None:
    """The `defs` folder of a project of Dagster's; None for a folder that is none."""
    for name, section in (("dg.toml", ()), ("pyproject.toml", ("tool", "dg"))):
        settings = _toml(root / name, section)
        if settings is not None:
            return _defs_of(root, settings.get("project") or {})
    return None


def _toml(file: Path, section: tuple[str, ...]) -> dict[str, Any] | None:
    try:
        found: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or nothing that Dagster would read either
        return None
    for part in section:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _defs_of(root: Path, project: dict[str, Any]) -> Path:
    if "root_module" not in project:  # a workspace, or a file that `dg` would not read either
        return root / DEFS
    module = project.get("defs_module") or f"{project['root_module']}.{DEFS}"
    packages = root / "src" if (root / "src").is_dir() else root  # as `dg` itself looks for them
    return packages.joinpath(*str(module).split("."))
