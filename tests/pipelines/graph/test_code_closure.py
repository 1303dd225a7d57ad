"""The code of a stage: what it reaches by import, hashed without comments, docstrings and formatting."""

import hashlib
import json
import os
from importlib import metadata
from pathlib import Path

import pytest

from compression_ops.implementations import find_module
from pipelines.graph import installed, parsed_modules
from pipelines.graph.code_closure import Code
from pipelines.graph.module_source import SourceError


def _closure() -> dict[str, str]:
    return Code().closure(["shop.entry"])


def test_it_holds_what_is_reached_and_nothing_else(package: Path) -> None:
    assert set(_closure()) == {"shop", "shop.entry", "shop.part", "shop.deep"}


def test_an_edit_changes_the_digest_of_its_module_alone(package: Path) -> None:
    before = _closure()
    (package / "deep.py").write_text("import json\n\nVALUE = 2  # was 1\n")
    after = _closure()
    assert {name for name in before if before[name] != after[name]} == {"shop.deep"}


@pytest.mark.parametrize(
    "same",
    [
        "import json\n\nVALUE = 1  # a comment\n",
        '"""A docstring."""\nimport json\nVALUE = (\n    1\n)\n',
        "import json\n\n\n\n\nVALUE    =    1\n",
    ],
)
def test_comments_docstrings_and_formatting_do_not_count(same: str, package: Path) -> None:
    before = _closure()
    (package / "deep.py").write_text(same)
    assert _closure() == before


def test_a_docstring_of_a_function_does_not_count_but_its_body_does(package: Path) -> None:
    before = _closure()
    source = "from shop.deep import VALUE\n\n\ndef value():\n    '''Say it.'''\n    return VALUE\n"
    (package / "part.py").write_text(source)
    assert _closure() == before
    (package / "part.py").write_text(source.replace("return VALUE", "return VALUE + 1"))
    assert _closure() != before


def test_an_import_for_type_checking_only_is_not_followed(package: Path) -> None:
    (package / "deep.py").write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from shop import sibling\nVALUE = 1\n"
    )
    assert "shop.sibling" not in _closure()


def test_an_import_inside_a_function_and_a_relative_one_are_followed(package: Path) -> None:
    (package / "deep.py").write_text("VALUE = 1\n\n\ndef late():\n    from . import sibling\n    return sibling\n")
    assert "shop.sibling" in _closure()


def test_a_named_resource_counts(package: Path) -> None:
    (package / "page.html").write_text("<p>one</p>")
    (package / "deep.py").write_text('RESOURCES = ("page.html",)\nVALUE = 1\n')
    before = _closure()
    (package / "page.html").write_text("<p>two</p>")
    assert {name for name in before if before[name] != _closure()[name]} == {"shop.deep"}


def test_nothing_is_imported(package: Path) -> None:
    (package / "deep.py").write_text("raise SystemExit('this module must not run')\nVALUE = 1\n")
    assert "shop.deep" in _closure()


def test_what_the_product_requires_is_left_out() -> None:
    reached = Code().closure(["compression_ops.stages.student", "compression_ops.data.sources.digits"])
    assert {name.partition(".")[0] for name in reached} == {"compression_ops"}


@pytest.mark.parametrize("module", ["timm", "torchvision.models", "rich.table"])
def test_of_an_installed_package_that_is_chosen_the_version_counts(module: str) -> None:
    name = module.partition(".")[0]
    assert Code().closure([module]) == {name: f"version {metadata.version(name).partition('+')[0]}"}


def test_of_an_installed_package_that_is_named_otherwise_than_its_module_the_version_counts() -> None:
    assert Code().closure(["PIL.Image"]) == {"PIL": f"version {metadata.version('pillow')}"}


def test_what_a_module_of_the_user_imports_counts_but_what_each_result_records(package: Path) -> None:
    (package / "deep.py").write_text("import json, numpy, torch.nn, timm\nfrom rich.table import Table\nVALUE = 1\n")
    assert set(_closure()) == {"shop", "shop.entry", "shop.part", "shop.deep", "timm", "rich"}


def test_a_module_that_does_not_exist_has_no_file() -> None:
    assert find_module("shop_that_is_not_there") is None
    assert find_module("json.nothing.deeper") is None


def test_an_edit_that_keeps_size_and_time_of_a_file_is_seen(package: Path) -> None:
    before, status = _closure(), (package / "deep.py").stat()
    (package / "deep.py").write_text("import json\n\nVALUE = 2\n")
    os.utime(package / "deep.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _closure()["shop.deep"] != before["shop.deep"]


def test_what_was_parsed_once_is_parsed_by_no_later_process(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "parsed.json"
    before = Code(memory).closure(["shop.entry"])
    monkeypatch.setattr(parsed_modules, "_of_this_process", {})
    with monkeypatch.context() as patch:
        patch.setattr(parsed_modules, "parse", None)
        assert Code(memory).closure(["shop.entry"]) == before
    (package / "deep.py").write_text("VALUE = 3\n")
    assert Code(memory).closure(["shop.entry"]) == _closure()


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"key": 1}', '{"key": [1]}', "null", "\0\0"])
def test_a_damaged_memory_is_made_anew(
    damage: str, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsed_modules, "_of_this_process", {})
    memory = tmp_path / "parsed.json"
    memory.write_text(damage)
    assert Code(memory).closure(["shop.entry"]) == _closure()
    assert len(json.loads(memory.read_text())) == 4


def test_a_memory_that_cannot_be_written_changes_no_answer(package: Path, tmp_path: Path) -> None:
    for memory in (tmp_path / "missing" / "parsed.json", tmp_path / "shop"):
        assert Code(memory).closure(["shop.entry"]) == _closure()
    assert not (tmp_path / "missing").exists()


def test_a_module_that_cannot_be_parsed_is_named_with_its_line(package: Path) -> None:
    (package / "part.py").write_text("from shop.deep import VALUE\n\ndef value(:\n")
    with pytest.raises(SourceError, match=r"part\.py:3: not Python(.|\n)*shop\.part"):
        _closure()


def test_a_folder_without_an_init_inside_a_package_is_looked_into(package: Path) -> None:
    (package / "plain").mkdir()
    (package / "plain" / "net.py").write_text("SIZE = 3\n")
    assert find_module("shop.plain.net") == package / "plain" / "net.py"
    assert find_module("shop.plain.none") is None
    assert set(Code().closure(["shop.plain.net"])) == {"shop", "shop.plain.net"}


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_what_somebody_copied_into_site_packages_has_no_version_and_is_read(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / folder).mkdir()
    name = f"copied_{folder[:4]}"
    (tmp_path / folder / f"{name}.py").write_text("PRICE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / folder))
    before = Code().closure([name])
    (tmp_path / folder / f"{name}.py").write_text("PRICE = 2\n")
    assert set(before) == {name}
    assert Code().closure([name]) != before


def _install(site: Path, name: str, version: str, price: int, *, from_folder: bool) -> None:
    """As pip does: a package and its dist-info, whose RECORD has the digests of its files."""
    source = f"PRICE = {price}\n"
    info = site / f"{name}-1.dist-info"
    for folder in (site / name, info):
        folder.mkdir(parents=True, exist_ok=True)
    (site / name / "__init__.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"{name}/__init__.py,sha256={hashlib.sha256(source.encode()).hexdigest()},9\n")
    if from_folder:
        (info / "direct_url.json").write_text('{"url": "file:///somewhere", "dir_info": {}}')


@pytest.mark.parametrize(
    ("name", "from_folder", "version", "price", "words"),
    [
        ("bought_a", False, "1.0", 2, None),
        ("bought_b", False, "1.1", 1, "1.0 → 1.1"),
        ("bought_c", True, "1.0", 1, None),
        ("bought_d", True, "1.0", 2, "its files, at version 1.0"),
        ("bought_e", True, "1.1", 2, "1.0 → 1.1"),
    ],
)
def test_of_one_installed_from_a_folder_its_files_count_too(
    name: str, from_folder: bool, version: str, price: int, words: str | None,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    site = tmp_path / "site-packages"
    _install(site, name, "1.0", 1, from_folder=from_folder)
    monkeypatch.syspath_prepend(str(site))
    before = Code().closure([f"{name}.networks"])
    _install(site, name, version, price, from_folder=from_folder)
    installed.version.cache_clear()
    after = Code().closure([f"{name}.networks"])
    assert set(before) == set(after) == {name}
    assert installed.change(before[name], after[name]) == (f": {words}" if words else "") or before == after
    assert (before != after) == (words is not None)


def test_a_package_without_an_init_at_its_top_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain_shop").mkdir()
    (tmp_path / "plain_shop" / "net.py").write_text("from plain_shop import part\n")
    (tmp_path / "plain_shop" / "part.py").write_text("SIZE = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert set(Code().closure(["plain_shop.net"])) == {"plain_shop.net", "plain_shop.part"}


def test_what_this_process_parsed_is_parsed_for_no_other_home(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _closure()
    monkeypatch.setattr(parsed_modules, "parse", None)
    assert Code(tmp_path / "another.json").closure(["shop.entry"]) == before
    assert len(json.loads((tmp_path / "another.json").read_text())) == 4
