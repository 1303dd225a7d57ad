"""`targets` of a quantized student: assets below it, which leave it as it is, and gates that keep it from promotion."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compression_ops.errors import CompressionError
from pipelines.execution import lacking, plan
from pipelines.graph.asset import Asset
from pipelines.graph.flatten import flatten
from pipelines.kinds import kind
from pipelines.kinds.gate import Evidence
from pipelines.pipeline import Pipeline
from pipelines.state.actions import action
from pipelines.state.materialization import Check, Materialization
from tests.compression_ops.stages.test_targets import OWN
from tests.pipelines import product, recipes
from tests.pipelines.execution.test_seeds import seeds
from tests.pipelines.kinds.gate_cases import SOUND

_QUANTIZED, _DOWNSTREAM = "quantized_student/int8", {"measurements", "benchmark_report", "champion"}


def targets(stated: str) -> tuple[str, str]:
    return "      weight_bits: 8", f"      targets: {stated}\n      weight_bits: 8"


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The target `appliance.wrong` of a user's own, which errs as often as it is told to; half may differ."""
    (tmp_path / "path" / "appliance").mkdir(parents=True)
    (tmp_path / "path" / "appliance" / "__init__.py").write_text("")
    (tmp_path / "path" / "appliance" / "wrong.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "appliance"]:
        del sys.modules[name]


@pytest.mark.slow
def test_a_new_target_computes_itself_and_what_is_measured_and_another_option_it_alone(recipe: Path) -> None:
    recipe.write_text(recipes.edited(targets("[ort_mobile]")))
    assert product.causes()["measurements"] != []
    assert product.computed() == {"target/int8/ort_mobile", *_DOWNSTREAM}
    assert product.entry("measurements").metrics["target/int8/ort_mobile.differing_samples"] == 0
    recipe.write_text(recipes.edited(targets("[ort_mobile, {type: onnx, opset: 18}]")))
    assert product.computed() == {"target/int8/onnx", *_DOWNSTREAM}
    product.edit(recipe, "opset: 18", "opset: 17")
    assert product.causes()["target/int8/onnx"] == ["quantized_students.int8.targets[1].opset 18 → 17"]
    assert "target/int8/ort_mobile" not in product.computed()
    recipe.write_text(recipes.TINY)
    assert product.computed() == set(), "without targets it is what it was"


def test_an_empty_list_derives_everything_as_none(defs: Path) -> None:
    before = Pipeline.open("tiny").graph
    recipes.write(defs, text=recipes.edited(targets("[]")))
    after = Pipeline.open("tiny").graph
    assert after.versions == before.versions
    assert not [name for name in flatten(after.assets["measurements"].values) if name.startswith("targets")]


def test_only_the_first_seed_has_targets(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited(seeds(2), targets("[onnx]")))
    graph = Pipeline.open("tiny").graph
    assert [name for name in graph.assets if name.startswith("target/")] == ["target/int8/onnx"]
    assert graph.assets["target/int8/onnx"].inputs == (_QUANTIZED,)
    assert graph.derivations["target/int8/onnx"] != graph.derivations[_QUANTIZED]


def _judged(share: float, differing: int) -> dict[str, Check]:
    """What the gates on targets find where of each so many samples, and so large a share, differ."""
    asset = product.pipeline().graph.assets["measurements"]
    names = [name for name in asset.inputs if name.startswith("target/")]
    metrics = SOUND | {f"{name}.differing_samples": differing for name in names}
    metrics |= {f"{name}.differing_share": share for name in names}
    entry = Materialization(
        recipe="tiny", asset="measurements", time=0.0, derivation="", parameters={}, code={}, inputs={}, action="",
        artifact="", digest="", experiment_id="", run_id="", model_id=None, computed=True, seconds=0.0, metrics=metrics,
    )  # fmt: skip
    evidence = Evidence(asset, entry, product.pipeline().history, product.pipeline().store)
    gates = [gate for gate in kind.named("measurements").gates(asset) if gate.name.startswith("agreement_")]
    assert all(gate.decides and not gate.blocking for gate in gates)
    return {gate.name: gate.judge(gate, evidence) for gate in gates}


def test_onnxruntimes_targets_may_differ_in_nothing_and_openvino_in_a_sample_of_a_thousand(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited(targets("[onnx, openvino, ort_mobile]")))
    for share, differing, passing in (
        (0.0, 0, {"onnx", "openvino", "ort_mobile"}),
        (0.001, 10, {"openvino"}),
        (0.0011, 11, set[str]()),
        (1 / 385, 1, {"openvino"}),
        (2 / 385, 2, set[str]()),
        (2 / 2_500, 2, {"openvino"}),
        (3 / 2_500, 3, set[str]()),
    ):
        checks = _judged(share, differing)
        assert {name for name, check in checks.items() if check.passed} == {
            f"agreement_int8_{each}" for each in passing
        }
        assert {check.subject for check in checks.values()} == {_QUANTIZED}
        words = checks["agreement_int8_openvino"].words
        count = f"{differing} of {round(differing / share)} test samples" if differing else "no test sample"
        assert f"target/int8/openvino classifies {count} otherwise than {_QUANTIZED}" in words
        assert "share of 0.001 may, and always one sample (target/int8/openvino.allowed_differences)" in words
        assert "none may (target/int8/onnx.allowed_differences)" in checks["agreement_int8_onnx"].words
        numbers = checks["agreement_int8_openvino"].numbers
        assert (numbers["found"] <= numbers["threshold"]) == ("openvino" in passing)


@pytest.mark.compiler
def test_what_a_stand_in_answered_is_not_known_where_the_target_runs(
    defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes.write(defs, text=recipes.edited(targets("[c, onnx]")))

    def keys() -> dict[str, str]:
        assets = product.pipeline().graph.assets
        return {name: action.key(asset, asset.parameters, {}) for name, asset in assets.items()}

    here = keys()
    with monkeypatch.context() as patch:
        patch.setenv("CC", "no-such-compiler")
        there, version = keys(), product.pipeline().graph.versions
    assert {name for name in here if there[name] != here[name]} == {"measurements"}
    assert keys() == here
    assert product.pipeline().graph.versions == version


def made(asset: Asset, key: str) -> Materialization:
    """An entry of an asset's history that was known by a key."""
    return Materialization(
        recipe="tiny", asset=asset.name, time=0.0, derivation="", parameters={}, code={}, inputs={}, action=key,
        artifact="", digest="", experiment_id="", run_id="", model_id=None, computed=True, seconds=0.0, metrics={},
    )  # fmt: skip


@pytest.mark.compiler
def test_what_a_stand_in_answered_is_outgrown_where_the_target_runs_and_nothing_else_is_tried(
    defs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes.write(defs, text=recipes.edited(targets("[c, onnx]")))
    asset = product.pipeline().graph.assets["measurements"]
    tried, compiler = tmp_path / "tried", tmp_path / "cc"
    compiler.write_text(f'#!/bin/sh\ntouch {tried}\nexec cc "$@"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", "no-such-compiler")
    by_stand_in = made(asset, action.key(asset, asset.parameters, {}))
    by_itself = made(asset, action.key(asset, asset.parameters, {}, ()))
    unknown = made(asset, "the key of another release")
    assert [plan.outgrown(asset, each) for each in (by_stand_in, by_itself, unknown)] == [[], [], []]
    monkeypatch.setenv("CC", str(compiler))
    assert [plan.outgrown(asset, each) for each in (by_itself, unknown)] == [[], []]
    assert not tried.exists()
    assert plan.outgrown(asset, by_stand_in) == ["c"]
    assert tried.exists()


@pytest.mark.slow
def test_one_whose_target_answers_otherwise_than_it_may_is_not_promoted(recipe: Path, wrong: None) -> None:
    recipe.write_text(recipes.edited(targets("[{type: appliance.wrong, samples: 300}]"), ("epochs: 2", "epochs: 3")))
    product.run()
    check = next(each for each in product.entry("measurements").checks if each.name == "agreement_int8_wrong")
    assert not check.passed
    assert check.numbers["threshold"] == pytest.approx(0.5, abs=0.01)
    assert product.entry("champion").metrics["promoted"] == 0
    assert "target/int8/wrong classifies 300 of " in product.decision()
    product.edit(recipe, "samples: 300", "samples: 3")
    assert product.computed() == {"target/int8/wrong", *_DOWNSTREAM}
    assert next(each for each in product.entry("measurements").checks if each.name == check.name).passed
    assert "target/int8/wrong" not in product.decision()


def test_what_a_target_lacks_here_is_told_before_anything_is_computed(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    recipe.write_text(recipes.edited(targets("[wasm, c, onnx]"), ("epochs: 2", "epochs: 3")))
    before = product.entry("teacher")
    with pytest.raises(CompressionError) as told:
        product.run()
    words = str(told.value)
    assert words.startswith("target/int8/wasm: there is no clang and no wasm-ld, which make WebAssembly")
    assert "target/int8/c:" not in words, "it is judged without a compiler"
    assert "target/int8/onnx" not in words
    assert words.endswith("nothing was computed; without the target the rest of the recipe can be")
    assert product.entry("teacher") == before


_NEVER = """

def missing(spec):
    return "there is no compiler"


def check(spec, model):
    if model.is_file():
        raise ModelError("it takes no such network")
"""


def test_what_no_machine_could_write_is_told_before_what_this_one_lacks(
    recipe: Path, wrong: None, tmp_path: Path
) -> None:
    module = tmp_path / "path" / "appliance" / "wrong.py"
    module.write_text(f"from compression_ops.errors import ModelError\n{OWN}{_NEVER}")
    recipe.write_text(recipes.edited(targets("[{type: appliance.wrong}]")))
    for names, words in (
        (["target/int8/wrong"], "target/int8/wrong: it takes no such network\n  nothing was computed"),
        ([_QUANTIZED, "target/int8/wrong"], "target/int8/wrong: there is no compiler\n  nothing was computed"),
    ):
        with pytest.raises(CompressionError, match=words):
            lacking.check(product.pipeline(), names)
