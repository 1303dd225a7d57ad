"""What can be found out again, and what killed processes left."""

import re
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from pipelines.retention.pile import Pile, size
from pipelines.retention.referring import DAY
from pipelines.state import scratch
from pipelines.state.artifacts import ID, last_written
from pipelines.state.home import Home

_GRACE = 3600.0  # seconds
_COPIES = re.compile(r"former-(\d{1,3}|mlflow)")  # `state.versions`, `lineage.database.schema`


def piles(home: Home, recipes: Collection[str], artifacts: Collection[str], since: float) -> list[Pile]:
    """What is older than `since`, seconds since 1970, and of none of the recipes; and what was fetched from a remote
    store but for the artifacts named.
    """
    cached = [path for path in _entries(home.root / "cache") if path.name not in artifacts and _is_unused(path)]
    texts = [path for path in _entries(home.last_good) if path.stem not in recipes and _is_old(path, since)]
    tried = [path for path in _entries(home.dry_runs) if _is_old(path, since)]
    copies = [path for path in _entries(home.root) if _COPIES.fullmatch(path.name) and _is_old(path, since)]
    return [
        _pile("folders of killed stages", scratch.abandoned(home.running), lambda: scratch.sweep(home.running)),
        _pile("fetched copies of artifacts", cached),
        _pile("dry runs", tried),
        _pile("former recipes", texts),
        _pile("copies of a former version's files", copies),
    ]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_unused(path: Path) -> bool:
    """Of the cache: a copy of an artifact that is an hour old, or what a fetch left that has written nothing for a day.
    Nothing else there is ours.
    """
    try:
        if path.name.startswith("."):
            return last_written(path) < time.time() - DAY
        return ID.fullmatch(path.name) is not None and path.stat().st_mtime < time.time() - _GRACE
    except FileNotFoundError:
        return False


def _is_old(path: Path, since: float) -> bool:
    try:
        return path.stat().st_mtime < since
    except FileNotFoundError:
        return False


def _pile(kind: str, paths: Collection[Path], remove: Callable[[], None] | None = None) -> Pile:
    def each() -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return Pile(kind, len(paths), sum(map(size, paths)), remove or each)
