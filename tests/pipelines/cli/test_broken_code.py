"""Code of a user's that is no Python is told with its line, before anything is computed."""

import os
from pathlib import Path

import pytest

from tests.pipelines import product, recipes
from tests.pipelines.cli.command import in_a_new_python

BROKEN = {
    "a syntax error": ("def net(shape, classes)\n    return None\n", ":1: not Python: expected ':'"),
    "an indentation": ("def net(shape, classes):\nreturn None\n", ":2: not Python: expected an indented block"),
    "a NUL byte": ("def net(shape, classes): ...\n\0", "not Python: source code string cannot contain null bytes"),
    "an import that is broken": ("from broken_part import net\n", "broken_part.py:1: not Python"),
}


def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


_QUICK, *_SLOW = BROKEN


@pytest.mark.parametrize("name", [_QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in _SLOW)])
def test_every_command_tells_it_and_no_other_recipe_is_taken_away(
    name: str, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, words = BROKEN[name]
    (tmp_path / "broken_net.py").write_text(source)
    (tmp_path / "broken_part.py").write_text("net = = 1\n")
    importable(tmp_path, monkeypatch)
    recipes.write(recipe.parents[1], "right")
    product.edit(recipe, "architecture: tiny_cnn", "architecture: broken_net:net")
    for arguments in (["check"], ["status"], ["run", "tiny"], ["report", "tiny"], ["status", "tiny", "--json"]):
        result = in_a_new_python(*arguments)
        assert result.returncode == 1, arguments
        assert words in result.stderr, (arguments, result.stderr)
        assert "Traceback" not in result.stderr
        assert ("right" in result.stdout) == (arguments in (["check"], ["status"]))


@pytest.mark.parametrize("first_line", ["# -*- coding: latin-1 -*-\n", ""])
def test_what_python_imports_is_right(
    first_line: str, defs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte that is no UTF-8 in a comment is nothing to an import, with or without a coding line."""
    source = f"{first_line}# caf\xe9\nfrom compression_ops.models.architectures.tiny_cnn import build as net\n"
    (tmp_path / "latin_net.py").write_bytes(source.encode("latin-1"))
    importable(tmp_path, monkeypatch)
    recipes.write(defs, text=recipes.edited(("architecture: tiny_cnn", "architecture: latin_net:net")))
    result = in_a_new_python("check", "tiny")
    assert result.returncode == 0, result.stderr
