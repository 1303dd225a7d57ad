"""A user's network that imports its blocks by calling a function: what can be followed counts, the rest is told."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines import product, recipes
from tests.pipelines.cli.command import in_a_new_python
from tests.pipelines.cli.test_broken_code import importable

_NETWORK = """\
import importlib

from compression_ops.models.architectures.tiny_cnn import build


def net(input_shape, classes, block="wide"):
    importlib.import_module(f"{__package__}.blocks.{block}")
    return build(input_shape, classes)
"""


@pytest.fixture
def blocks(defs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package `late_nets` of a recipe's teacher, on the path; no module of it outlives the test."""
    folder = tmp_path / "late_nets"
    (folder / "blocks").mkdir(parents=True)
    for name in ("wide", "narrow"):
        (folder / "blocks" / f"{name}.py").write_text("WIDTH = 4\n")
    (folder / "nets.py").write_text(_NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    recipes.write(defs, text=recipes.edited(("architecture: simple_cnn", "architecture: late_nets.nets:net")))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "late_nets"]:
        del sys.modules[name]


def test_an_edit_of_a_block_marks_what_is_made_by_its_network(blocks: Path) -> None:
    product.run(patterns=("dataset", "teacher"))
    assert product.states()["teacher"] == "fresh"
    assert product.entry("teacher").warnings == ()
    (blocks / "blocks" / "wide.py").write_text("WIDTH = 8\n")
    assert product.causes()["teacher"] == ["code of late_nets.blocks.wide changed"]
    assert product.states()["dataset"] == "fresh"


def test_an_import_that_is_not_written_out_is_told_by_check_and_by_the_result(
    blocks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = blocks / "nets.py"
    product.edit(network, 'f"{__package__}.blocks.{block}"', "BLOCKS[block]")
    product.edit(network, "\n\ndef net", 'BLOCKS = {"wide": "late_nets.blocks.wide"}\n\n\ndef net')
    importable(tmp_path, monkeypatch)
    checked = in_a_new_python("check", "tiny")
    told = "nets.py:8: imports what the source does not name"
    assert checked.returncode == 0
    assert told in checked.stdout.replace("\n", " ")
    product.run(patterns=("dataset", "teacher"))
    assert [told in warning for warning in product.entry("teacher").warnings] == [True]
    product.edit(network, "import importlib\n", 'import importlib\n\nRESOURCES = ("blocks/wide.py",)\n')
    assert "warning" not in in_a_new_python("check", "tiny").stdout
