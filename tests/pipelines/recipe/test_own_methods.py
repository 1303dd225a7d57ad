"""A source, a loss and a calibration method by import path: hashed as the product's are, and every mistake is told."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compression_ops import implementations
from compression_ops.choices import Contract, parameters
from compression_ops.data.spec import SOURCE
from compression_ops.errors import CompressionError
from compression_ops.stages.quantized_student import CALIBRATION
from compression_ops.stages.student import LOSS
from pipelines.observed import raw_data
from pipelines.pipeline import Pipeline
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from pipelines.state.home import Home
from tests.pipelines import own_methods, product, recipes
from tests.pipelines.affected import AFTER_STUDENT

_OWN_LOSS = ("{type: kd, temperature: 4.0, alpha: 0.9}", "{type: cameras.mse, weight: 2.0}")
_OWN_CALIBRATION = ("{method: minmax, samples: 64}", "{method: cameras.halved}")


def _own_source(seeds: Path) -> tuple[str, str]:
    return "source: digits, validation_fraction: 0.1, seed: 0, limit: 200", f"source: cameras.source, path: {seeds}"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package `cameras`, on the path; no module of it outlives the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield own_methods.write(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "cameras"]:
        del sys.modules[name]


@pytest.fixture
def own(package: Path, defs: Path, tmp_path: Path) -> Path:
    """The recipe `tiny` on methods that are all the user's own."""
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("7")
    return recipes.write(defs, text=recipes.edited(_own_source(seeds), _OWN_LOSS, _OWN_CALIBRATION))


def test_they_are_checked_with_their_own_parameters(own: Path) -> None:
    recipe = file.read(own).recipe
    assert recipe.dataset.noise == 20
    assert recipe.students["small"].loss.weight == 2.0
    assert recipe.quantized_students["int8"].calibration.samples == 16
    dumped = json.loads(recipe.model_dump_json())
    assert dumped["students"]["small"]["loss"] == {"type": "cameras.mse", "weight": 2.0}


def test_a_mistake_in_their_parameters_is_told_as_in_the_products(own: Path) -> None:
    product.edit(own, "weight: 2.0", "weight: 0")
    product.edit(own, "{method: cam", "{sampels: 3, method: cam")
    with pytest.raises(RecipeError) as told:
        file.read(own)
    assert "students.small.loss.weight: out of range" in str(told.value)
    assert "allowed: a number, more than 0" in str(told.value)
    assert "quantized_students.int8.calibration.sampels: unknown key" in str(told.value)
    assert "did you mean `samples`?" in str(told.value)


def test_a_loss_whose_stated_weights_are_all_zero_is_refused(own: Path, package: Path) -> None:
    named = '    weighted_by: ClassVar[tuple[str, ...]] = ("weight",)\n    weight:'
    text = own_methods.LOSS.replace("import Lit", "import ClassVar, Lit").replace("gt=0", "ge=0")
    (package / "mse.py").write_text(text.replace("    weight:", named))
    product.edit(own, "weight: 2.0", "weight: 0")
    with pytest.raises(RecipeError, match=r"(?s)students.small.loss: nothing is learned.*a weight of more than 0"):
        file.read(own)


def test_every_weight_that_a_loss_names_is_a_parameter_of_it_and_may_be_zero() -> None:
    weights = {spec: getattr(spec, "weighted_by", ()) for spec in implementations.specs("distillation.losses")}
    named = {spec: each for spec, each in weights.items() if each}
    assert {spec.__name__ for spec in named} == {"AttentionTransfer", "DIST", "DKD", "FitNet", "Relational"}
    for spec, stated in named.items():
        fields = {name for name in spec.model_fields if "weight" in (spec.model_fields[name].description or "").lower()}
        assert fields == set(stated)
        assert spec.model_validate(dict.fromkeys(stated, 0.0))


def test_an_edit_of_their_code_or_of_a_data_file_that_they_name_counts(own: Path, package: Path) -> None:
    before = Pipeline.open("tiny").graph.derivations
    (package / "mse.py").write_text(own_methods.LOSS.replace("return ", "return 2 * "))
    after = Pipeline.open("tiny").graph.derivations
    assert {name for name in before if before[name] != after[name]} == AFTER_STUDENT
    (package / "classes.txt").write_text("left right\n")
    assert Pipeline.open("tiny").graph.derivations["dataset"] != after["dataset"]


def test_recipes_that_name_none_are_derived_without_them(defs: Path) -> None:
    for asset in Pipeline.open("tiny").graph.assets.values():
        assert not [name for name in asset.code_digests if name.partition(".")[0] != "compression_ops"]


_LOSS, _CALIBRATION, _SOURCE = own_methods.LOSS, own_methods.CALIBRATION, own_methods.SOURCE
_NO_DATASET = _SOURCE.replace("(DatasetSpec)", "(Spec)").replace("RES", "from compression_ops.spec import Spec\nRES")
_BROKEN = [
    ("mse.py", None, "no module is named 'cameras.mse'", "PYTHONPATH"),
    ("mse.py", "def loss(:\n", "cameras/mse.py:1: not Python", "without an error"),
    ("mse.py", "1 / 0\n", "cameras/mse.py:1: ZeroDivisionError: division by zero", "without an error"),
    ("mse.py", "import sys\nsys.exit(3)\n", "cannot be imported", "without an error"),
    ("mse.py", "import not_there_at_all\n", "ModuleNotFoundError", "without an error"),
    ("mse.py", "X = 1\n", "defines 0 parameter sets (none)", "one subclass of compression_ops.spec.Spec"),
    ("mse.py", _LOSS + "\nclass Two(Spec):\n    pass\n", "2 parameter sets (MSE, Two)", "one subclass"),
    ("mse.py", _LOSS.replace("def loss", "def lost"), "no function 'loss'", "4 arguments"),
    ("mse.py", _LOSS.replace("labels)", "labels, more)"), "cannot be called", "4 arguments"),
    ("mse.py", _LOSS.replace("cameras.mse", "mse"), "does not take 'cameras.mse'", "Literal"),
    ("mse.py", _LOSS.replace("    type: Lit", "    kind: Lit"), "`type` of MSE is missing", "Literal"),
    ("halved.py", _CALIBRATION.replace("    samples: int = 16\n", ""), "no field `samples`", "samples"),
    ("halved.py", _CALIBRATION.replace("def calibrate", "def c"), "no function 'calibrate'", "2 arguments"),
    ("source.py", _NO_DATASET, "Stripes, are no DatasetSpec", "compression_ops.data.spec.DatasetSpec"),
    (
        "source.py",
        _SOURCE.replace("    path:", "    sample_type: str = ''\n    path:"),
        "`sample_type`",
        "a property of",
    ),
    ("source.py", _SOURCE.replace("    path:", "    readers: str = ''\n    path:"), "field `readers`", "another name"),
    ("source.py", _SOURCE.replace("def files(spec, root)", "files = 3\ndef g()"), "no function 'files'", "2 arguments"),
]


@pytest.mark.parametrize(("name", "source", "problem", "cure"), _BROKEN)
def test_a_module_that_is_no_such_method_is_told_at_its_field(
    name: str, source: str | None, problem: str, cure: str, own: Path, package: Path
) -> None:
    (package / name).unlink() if source is None else (package / name).write_text(source)
    field = {
        "mse.py": "students.small.loss.type",
        "halved.py": "quantized_students.int8.calibration.method",
        "source.py": "dataset.source",
    }[name]
    with pytest.raises(RecipeError) as told:
        file.read(own)
    (mistake,) = told.value.mistakes
    assert mistake.path == field
    assert problem in mistake.problem
    assert cure in mistake.allowed
    assert f"cameras.{name.removesuffix('.py')}" in own.read_text().splitlines()[mistake.line - 1]


def test_a_source_that_fails_where_it_looks_for_its_data_is_told_with_its_line(own: Path, package: Path) -> None:
    product.edit(package / "source.py", "    return Path(spec", "    return folders[9] or Path(spec")
    with pytest.raises(RecipeError, match=r"(?s)dataset.path: its source fails.*source.py:20: IndexError"):
        file.check(own)


def test_files_that_are_no_paths_are_told(own: Path, package: Path, home: Path, tmp_path: Path) -> None:
    product.edit(package / "source.py", "return [root]", "return [str(root)]")
    with pytest.raises(CompressionError, match=r"files of cameras.source returned .* needed is a list of pathlib.Path"):
        raw_data.digest(file.read(own), Home(home), tmp_path / "seeds.txt")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ('("lost.txt",)', "lost.txt: cannot be read"),
        ("sorted(Path().glob('*'))", "source.py:10: RESOURCES is no tuple"),
    ],
)
def test_data_files_that_cannot_be_hashed_are_told(named: str, words: str, own: Path, package: Path) -> None:
    product.edit(package / "source.py", '("classes.txt",)', named)
    with pytest.raises(CompressionError, match=words):
        _ = Pipeline.open("tiny").graph.derivations


def test_the_products_own_methods_keep_the_same_contracts() -> None:
    families: dict[str, tuple[str, Contract]] = {
        "data.sources": ("source", SOURCE),
        "distillation.losses": ("type", LOSS),
        "quantization.calibration": ("method", CALIBRATION),
    }
    for package, (tag, contract) in families.items():
        for spec in implementations.specs(package):
            path, name = spec.__module__, spec.__module__.rpartition(".")[2]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("compression_ops.choices._takes", lambda spec, tag, path: tag in spec.model_fields)
                assert parameters(path, tag, contract) is spec, name


@pytest.mark.slow
def test_they_run_from_the_raw_data_to_the_champion(own: Path) -> None:
    assert len(product.computed()) == 9
    folder = product.pipeline().store.fetch(product.entry("quantized_student/int8").artifact)
    facts = json.loads((folder / "quantization.json").read_text())
    assert facts["calibration_samples"] == 16
    assert product.computed() == set()
