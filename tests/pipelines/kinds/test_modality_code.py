"""The code of a kind of sample is that of the recipes whose samples are of it, and of no others."""

import shutil
from pathlib import Path

import pytest

from compression_ops import implementations
from compression_ops.data.modalities import known
from pipelines.graph import code_closure
from pipelines.graph.code_closure import Code
from pipelines.kinds import graph
from pipelines.recipe import file
from tests.conftest import REPOSITORY
from tests.pipelines import own_methods, recipes

# Of each kind of sample a recipe that is shipped.
_RECIPES = {"images": "digits", "table": "breast_cancer", "signal": "tones", "tokens": "docstrings"}
# What serves one kind alone, by the packages of its modules; the other tables are those of sources of images and texts.
_OWN = {
    "data.modalities.log_mel": "signal",
    "data.recordings": "signal",
    "data.texts": "tokens",
    "data.tables": "table",
}


def _derivations(memory: Path) -> dict[str, dict[str, str]]:
    """By recipe, as the code lies on the disk."""
    code = Code(memory)
    opened = {name: file.read(REPOSITORY / "pipelines" / "defs" / name / "defs.yaml") for name in _RECIPES.values()}
    return {name: graph.build(name, each.recipe, code).derivations for name, each in opened.items()}


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What parsing found, so that each module is parsed once."""
    return tmp_path_factory.mktemp("code") / "memory.json"


@pytest.fixture(scope="module")
def before(memory: Path) -> dict[str, dict[str, str]]:
    return _derivations(memory)


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        *((f"data.modalities.{kind}", kind) for kind in _RECIPES),
        ("data.texts.words", "tokens"),
        ("data.modalities.log_mel", "signal"),
        ("data.modalities.table_nodes", "table"),
        ("data.texts.text_file", None),
        ("data.texts.unlabelled", None),
        ("data.recordings.reading", None),
        ("data.tables.unlabelled", None),
        ("data.formats.unlabelled_image", None),
    ],
)
def test_an_edit_of_a_modality_makes_its_own_recipes_stale_and_no_others(
    module: str,
    kind: str | None,
    memory: Path,
    before: dict[str, dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edited = f"compression_ops.{module}"
    source = implementations.find_module(edited)
    assert source is not None
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    copy.write_text(copy.read_text() + "\n\nEDITED = True\n")

    def found(name: str) -> Path | None:
        return copy if name == edited else implementations.find_module(name)

    monkeypatch.setattr(code_closure, "find_module", found)
    after = _derivations(memory)
    stale = {recipe for recipe in before if after[recipe] != before[recipe]}
    assert stale == ({_RECIPES[kind]} if kind else set())
    for recipe in stale:
        assert not [name for name, derivation in after[recipe].items() if derivation == before[recipe][name]]


def _code(folder: Path, dataset: str, memory: Path) -> dict[str, set[str]]:
    """{asset: the modules of the product that it runs} of the tests' recipe with other data."""
    source = "{source: digits, "
    assert recipes.TINY.count(source) == 1
    opened = file.read(recipes.write(folder / "defs", text=recipes.TINY.replace(source, f"{{{dataset}, ")))
    built = graph.build("tiny", opened.recipe, Code(memory))
    return {
        name: {module.removeprefix("compression_ops.") for module in asset.code_digests}
        for name, asset in built.assets.items()
    }


@pytest.mark.parametrize(
    ("dataset", "kind"),
    [
        ("source: digits", "images"),
        ("source: image_folder, path: x, image_size: 8", "images"),
        ("source: npz, path: x.npz", "images"),
        ("source: sklearn_table, name: iris", "table"),
        ("source: csv, path: x.csv, target: y", "table"),
        ("source: npz, path: x.npz, samples: table", "table"),
        ("source: wav_folder, path: x", "signal"),
        ("source: npz, path: x.npz, samples: signal, rate: 8000", "signal"),
        ("source: text_folder, path: x", "tokens"),
        ("source: npz, path: x.npz, samples: tokens", "tokens"),
    ],
)
def test_no_asset_runs_code_of_another_kind_of_sample(dataset: str, kind: str, memory: Path, tmp_path: Path) -> None:
    code = _code(tmp_path, dataset, memory)
    for name, modules in code.items():
        found = {each for each in known.names() if f"data.modalities.{each}" in modules}
        assert found == (set() if name == "benchmark_report" else {kind}), name
        others = {owner for module in modules for package, owner in _OWN.items() if module.startswith(package)}
        assert others <= {kind}, name
    readers = {module for module in code["dataset"] if module.startswith("data.arrays.")}
    assert readers == ({f"data.arrays.{kind}"} if "npz" in dataset else set())


def test_a_source_of_the_users_own_that_does_not_say_its_samples_counts_all_kinds(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = own_methods.write(tmp_path)
    said = '    path: str\n\n    @property\n    def sample_type(self):\n        return "images"\n\n'
    stated = own_methods.SOURCE.replace("    path: str\n", said)
    (package / "stated.py").write_text(stated.replace('"cameras.source"', '"cameras.stated"'))
    for source, kinds in (("source", set(known.names())), ("stated", {"images"})):
        code = _code(tmp_path, f"source: cameras.{source}, path: x", memory)
        assert {each for each in known.names() if f"data.modalities.{each}" in code["teacher"]} == kinds
