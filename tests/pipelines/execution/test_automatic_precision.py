"""A quantized student whose bits are chosen: what it runs, what marks it, what is told of it, and its dry run."""

from pathlib import Path

import pytest

from compression_ops import instruction_sets
from compression_ops.evaluation import measurements
from compression_ops.onnx_model.layers import chosen_kernels
from pipelines.execution import plan, status
from pipelines.kinds import kind
from pipelines.orchestration.executors.needs import Needs
from pipelines.pipeline import Pipeline
from pipelines.state.actions import action, machine
from tests.pipelines import product, recipes
from tests.pipelines.kinds.test_targets import made

CALIBRATION = "calibration: {method: minmax, samples: 64}"
METHOD = "method: {type: automatic, max_accuracy_drop: 20.0}"
CHOOSING = recipes.edited((CALIBRATION, f"{CALIBRATION}\n      {METHOD}"))
NAME = "quantized_student/int8"
AFTER = {NAME, "measurements", "benchmark_report", "champion"}


@pytest.fixture
def choosing(defs: Path) -> Path:
    return recipes.write(defs, text=CHOOSING)


def code(pipeline: Pipeline) -> set[str]:
    return {name for name in pipeline.graph.assets[NAME].code_digests if name.startswith("compression_ops.")}


def test_only_a_method_that_chooses_runs_the_code_of_the_search(defs: Path) -> None:
    search = {"methods.automatic", "automatic_precision.greedy", "automatic_precision.explanation"}
    recipes.write(defs)
    assert not {f"compression_ops.quantization.{name}" for name in search} & code(product.pipeline())
    recipes.write(defs, text=CHOOSING)
    assert {f"compression_ops.quantization.{name}" for name in search} <= code(product.pipeline())
    assert product.pipeline().graph.assets[NAME].inputs == ("dataset", "student/small")


@pytest.mark.slow
def test_a_run_chooses_tells_it_and_an_edit_of_the_bound_computes_it_alone(choosing: Path) -> None:
    assert product.computed() >= AFTER
    entry, asset = product.entry(NAME), product.pipeline().graph.assets[NAME]
    assert set(kind.named("quantized_student").searchable(asset)) == set(entry.metrics)
    assert entry.metrics["mean_weight_bits"] < 8
    assert "mean weight bits" in kind.named("quantized_student").headline(entry)
    pipeline, statuses = status.of_recipe("tiny")
    artifact = statuses[NAME].entry
    assert artifact is not None
    page = kind.named("quantized_student").page(pipeline.store.fetch(artifact.artifact), artifact)
    assert "bytes of weights" in page.words["bits"]
    assert {row["bits"] for row in page.rows} <= {8, 4, 3, 2}
    product.edit(choosing, "max_accuracy_drop: 20.0", "max_accuracy_drop: 0.0")
    assert product.causes()[NAME] == ["quantized_students.int8.method.max_accuracy_drop 20.0 → 0.0"]
    assert product.computed() <= AFTER
    product.edit(choosing, "max_accuracy_drop: 0.0", "max_accuracy_drop: 20.0")
    assert NAME not in product.computed()


TIMED = "method: {type: automatic, minimize: latency, max_accuracy_drop: 20.0}"


def timing(defs: Path) -> Path:
    return recipes.write(defs, text=recipes.edited((CALIBRATION, f"{CALIBRATION}\n      {TIMED}")))


def test_what_the_clock_chose_is_known_on_processors_of_its_name_alone(
    defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keys() -> dict[str, str]:
        assets = product.pipeline().graph.assets
        return {name: action.key(assets[name], assets[name].parameters, {}) for name in (NAME, "student/small")}

    recipes.write(defs)
    assert not product.pipeline().graph.assets[NAME].is_heavy
    timing(defs)
    needs = Needs.of(product.pipeline().graph.assets[NAME])
    assert (needs.is_alone, needs.is_heavy, needs.gpus) == (True, True, 0)
    here, asset = keys(), product.pipeline().graph.assets[NAME]
    assert not plan.is_of_another_processor(asset, made(asset, here[NAME]))
    with monkeypatch.context() as patch:
        patch.setattr(instruction_sets, "model_name", lambda *_: "another processor")
        there = keys()
        assert plan.is_of_another_processor(asset, made(asset, here[NAME]))
    assert there["student/small"] == here["student/small"]
    assert there[NAME] != here[NAME]
    assert keys() == here


_ARM = "processor : {}\nFeatures : {}\nCPU implementer : {}\nCPU variant : 0x1\nCPU part : {}\n"


def test_processors_without_a_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo = tmp_path / "cpuinfo"

    def identity(*cores: tuple[str, str, str]) -> list[str]:
        cpuinfo.write_text("\n".join(_ARM.format(number, *core) for number, core in enumerate(cores)))
        return machine.processor(cpuinfo)

    small, large = ("fp asimd", "0x41", "0xd05"), ("fp asimd", "0x41", "0xd0a")
    found = [identity(small), identity(large), identity(large, small), identity(("fp asimd asimddp", *large[1:]))]
    assert len({tuple(each) for each in found}) == 4
    assert identity(small, large) == identity(large, small)

    def of_sysctl(name: str) -> list[str]:
        command = tmp_path / "sysctl"
        command.write_text(f"#!/bin/sh\n[ $2 = machdep.cpu.brand_string ] && echo '{name}'\n")
        command.chmod(0o755)
        return machine.processor(tmp_path / "absent")

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert of_sysctl("Apple M1") != of_sysctl("Apple M3")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert machine.processor(tmp_path / "absent")


@pytest.mark.slow
def test_layers_chosen_by_the_clock_are_told_with_what_was_measured(defs: Path) -> None:
    timing(defs)
    assert product.computed() >= AFTER
    entry, pipeline = product.entry(NAME), product.pipeline()
    assert set(kind.named("quantized_student").searchable(pipeline.graph.assets[NAME])) == set(entry.metrics)
    assert "latency us" in kind.named("quantized_student").headline(entry)
    folder = pipeline.store.fetch(entry.artifact)
    page = kind.named("quantized_student").page(folder, entry)
    assert "float" in page.words["layers"]
    assert {row["bits"] for row in page.rows} <= {8, 32}
    measured = measurements.read(pipeline.store.fetch(product.entry("measurements").artifact))
    assert measured.timings.kernels == {NAME: chosen_kernels.of_folder(folder)}
    report = (pipeline.store.fetch(product.entry("benchmark_report").artifact) / "report.md").read_text()
    assert page.words["layers"] in report
    assert NAME not in product.computed(), "it is known here"
