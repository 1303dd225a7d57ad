"""Imports by a call: followed as far as they are written out, told where they are not."""

from pathlib import Path

import pytest

from pipelines.graph.code_closure import Code


def _closure() -> dict[str, str]:
    return Code().closure(["shop.entry"])


_ALIASES = "from importlib import import_module as load\nagain = importlib.import_module\n"


@pytest.mark.parametrize(
    "late",
    [
        'import_module("shop.sibling")',
        'importlib.import_module("." + "sibling", package=__package__)',
        'importlib.import_module(".sibling", __package__)',
        'importlib.import_module(f"{__package__}.sibling")',
        'importlib.import_module(name="shop.sibling")',
        '__import__("shop.sibling")',
        'runpy.run_module("shop.sibling")',
        "import_module(NAME)",
        'import_module(f"shop.{which}")',
        'import_module("shop.sib" + which)',
        'import_module("shop.%s" % which)',
        'import_module("shop.{}".format(which))',
        'import_module(f"{__package__}.{which}")',
        'import_module(f".{which}", __package__)',
        'importlib.import_module(".sibling", "shop")',
        'importlib.import_module(".sibling", package="shop")',
        'importlib.import_module("." + which, "shop")',
        'load("shop.sibling")',
        'load(f"shop.{which}")',
        'again("shop.sibling")',
        'pydoc.locate("shop.sibling.OTHER")',
        'pkgutil.resolve_name("shop.sibling:OTHER")',
    ],
)
def test_an_import_by_a_call_is_followed_as_far_as_it_is_written_out(late: str, package: Path) -> None:
    (package / "deep.py").write_text(f'{_ALIASES}NAME = "shop.sibling"\n\n\ndef build(which):\n    return {late}\n')
    code = Code()
    assert "shop.sibling" in code.closure(["shop.entry"])
    assert list(code.unseen(["shop.entry"])) == []


def test_the_beginning_of_a_name_says_which_modules_count(package: Path) -> None:
    (package / "blocks").mkdir()
    for name in ("red", "rose", "blue"):
        (package / "blocks" / f"{name}.py").write_text(f"COLOUR = {name!r}\n")
    (package / "deep.py").write_text('VALUE = [import_module(f"shop.blocks.r{each}") for each in names]\n')
    found = {name for name in _closure() if name.startswith("shop.blocks")}
    assert found == {"shop.blocks.red", "shop.blocks.rose"}


def test_a_broken_module_that_is_perhaps_not_imported_is_no_mistake_and_counts(package: Path) -> None:
    (package / "deep.py").write_text("def build(which):\n    return import_module(f'shop.{which}')\n")
    (package / "sibling.py").write_text("def (:\n")
    before = _closure()
    (package / "sibling.py").write_text("def ((:\n")
    assert {name for name in before if before[name] != _closure()[name]} == {"shop.sibling"}


def test_only_the_package_that_is_named_counts(package: Path) -> None:
    (package / "blocks").mkdir()
    (package / "blocks" / "red.py").write_text("VALUE = 1\n")
    (package / "deep.py").write_text("def build(which):\n    return import_module('.' + which, 'shop.blocks')\n")
    assert set(_closure()) == {"shop", "shop.entry", "shop.part", "shop.deep", "shop.blocks.red"}


@pytest.mark.parametrize(
    "late",
    [
        "import_module(which)",
        "importlib.import_module(f'{which}.deep')",
        "importlib.import_module(names[0])",
        "importlib.util.spec_from_file_location('net', '/somewhere/net.py')",
        "runpy.run_path(which)",
        "torch.hub.load('somebody/networks', which)",
        "exec(open('net.py').read())",
        "sys.path.insert(0, 'lib')",
        "importlib.import_module('.deep', which)",
    ],
)
def test_an_import_that_is_not_written_out_is_told_unless_its_module_names_resources(late: str, package: Path) -> None:
    source = f"\n\n\ndef build(which):\n    return {late}\n"
    (package / "deep.py").write_text(source)
    assert list(Code().unseen(["shop.entry"])) == [f"{package / 'deep.py'}:5"]
    (package / "deep.py").write_text(f'RESOURCES = ("sibling.py",)\n{source}')
    assert list(Code().unseen(["shop.entry"])) == []


def test_what_the_product_chooses_by_name_stands_in_the_recipe_and_is_not_followed() -> None:
    code = Code()
    assert "compression_ops.models.architectures.vgg" not in code.closure(["compression_ops.implementations"])
    assert list(code.unseen(["compression_ops.implementations"])) == []
