"""A package of a user's, whose code is looked at."""

from pathlib import Path

import pytest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `shop` on the path: entry -> part -> deep; `sibling` is reached by nobody."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""A shop."""\n')
    (folder / "entry.py").write_text("from shop import part\n\n\ndef run():\n    return part.value()\n")
    (folder / "part.py").write_text("from shop.deep import VALUE\n\n\ndef value():\n    return VALUE\n")
    (folder / "deep.py").write_text("import json\n\nVALUE = 1\n")
    (folder / "sibling.py").write_text("OTHER = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder
