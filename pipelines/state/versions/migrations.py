"""What makes a home of a former version one of this version. Whatever is changed is copied to `former-<format>` first.

Histories, known actions and artifacts are read as every version wrote them, so nothing of them is changed.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.state import atomic
from pipelines.state.home import Home
from pipelines.state.versions import dagster_settings


def run(home: Home, found: int) -> Iterator[str]:
    """Migrate a home of the format `found`; sentences about what was changed, and what its owner is to change."""
    if found < 2:
        yield from _dagster_settings(home, found)


def keep(home: Home, file: Path, found: int) -> Path:
    """A copy of a file of the home, as a version of format `found` left it; the first one stays."""
    kept = home.root / f"former-{found}" / file.relative_to(home.root)
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, kept)
    return kept


def _dagster_settings(home: Home, found: int) -> Iterator[str]:
    """Pools and the retention of ticks, where a former version wrote the file and nobody has changed it since."""
    file = home.dagster / "dagster.yaml"
    try:
        text = file.read_text(encoding="utf-8")
        stated: Any = YAML(typ="safe").load(text) or {}
    except (OSError, UnicodeDecodeError, YAMLError):  # which is told where Dagster is opened
        return
    if text in dagster_settings.FORMER:
        kept = keep(home, file, found)
        atomic.write(file, dagster_settings.PRESENT.encode())
        yield f"this home was written by a former version: {file} has this version's settings now; before: {kept}"
        return
    for section, consequence in dagster_settings.NEEDED.items():
        if isinstance(stated, dict) and section not in stated:
            yield (
                f"{file} is yours and has no section `{section}`, without which {consequence}: add it as docs/homes.md "
                "shows, or remove the file: then it is written anew"
            )
