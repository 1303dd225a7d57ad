"""Code of a user's that prints, waits for input or would end the process: no command hangs, or ends without words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.pipelines import product

_BUILD = "from compression_ops.models.architectures.tiny_cnn import build\n"
_REFUSED = {
    "it ends the process": (
        "import sys\ndef net(shape, classes):\n    sys.exit()\n",
        "ill_net.py:3: SystemExit: no message (it ends the process",
    ),
    "its import ends the process": (
        "import sys\nsys.exit('no licence')\ndef net(shape, classes): ...\n",
        "ill_net.py:2: SystemExit: no licence",
    ),
    "it interrupts": (
        "def net(shape, classes):\n    raise KeyboardInterrupt\n",
        "nobody interrupted it, but code that it runs did: ",
    ),
    "it waits for input": (
        _BUILD + "def net(shape, classes):\n    input('width? ')\n    return build(shape, classes)\n",
        "ill_net.py:3: EOFError: EOF when reading a line (it reads from the terminal",
    ),
}
_PRINTS = _BUILD + "def net(shape, classes):\n    print('hello ' * 2000)\n    return build(shape, classes)\n"


def _run(recipe: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command beside a terminal that nobody types in: its standard input stays open and empty."""
    folder = recipe.parents[2]
    (folder / "ill_net.py").write_text(source)
    product.edit(recipe, "architecture: tiny_cnn", "architecture: ill_net:net")
    reader, writer = os.pipe()
    try:
        return subprocess.run(
            [sys.executable, "-m", "pipelines.cli.main", *arguments],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "160", "PYTHONWARNINGS": "ignore"},
            stdin=reader,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        os.close(reader)
        os.close(writer)


_QUICK, *_SLOW = _REFUSED


@pytest.mark.parametrize("name", [_QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in _SLOW)])
def test_it_is_told_and_the_command_fails(name: str, recipe: Path) -> None:
    source, words = _REFUSED[name]
    result = _run(recipe, source, "run", "tiny", "--select", "student/small")
    assert result.returncode == 1, result.stderr
    assert words in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
    assert "outcome" in result.stdout, "the table of what became of each asset"


@pytest.mark.slow
def test_what_it_prints_stands_in_no_result(recipe: Path) -> None:
    result = _run(recipe, _PRINTS, "run", "tiny", "--select", "student/small", "--json")
    assert result.returncode == 0, result.stderr
    assert "hello" in result.stderr
    assert json.loads(result.stdout)["recipe"] == "tiny"
