"""A target is written by its stage and measured on the test split against the model that it was made of."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from compression_ops.data.dataset import load_split
from compression_ops.errors import CompressionError, ModelError
from compression_ops.evaluation import measurements as evaluation
from compression_ops.stages import measurements, target
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import families
from tests.compression_ops.stages.test_quantized_student import write_dataset, write_student
from tests.compression_ops.targets import quantized

QUANTIZED = "quantized_student/int8"
# A target of a user's own: it answers the class that the file says for each of its first samples, else what the
# ONNX session answers. What it is given as an option it returns in another form.
OWN = """\
from pathlib import Path
from typing import Literal

from compression_ops.spec import Spec
from compression_ops.target import Written

ALLOWED_DIFFERENCES = 0.5


class Wrong(Spec):
    type: Literal["appliance.wrong"] = "appliance.wrong"
    samples: int = 0
    returns: str = "classes"
    writes: str = "model.bin"


def write(spec, model, folder):
    (folder / "model.bin").write_bytes(model.read_bytes())
    return Written((spec.writes,) if spec.writes else (), None, {"samples": spec.samples}, ("to be read",))


def predictor(spec, folder, threads):
    import numpy as np
    import onnxruntime as ort

    session = ort.InferenceSession(folder / "model.bin", providers=["CPUExecutionProvider"])
    seen = 0

    def classify(images):
        nonlocal seen
        logits = session.run(None, {session.get_inputs()[0].name: images})[0]
        wrong = np.arange(seen, seen + len(images)) < spec.samples
        seen += len(images)
        classes = (logits.argmax(axis=1) + wrong) % logits.shape[1]
        if spec.returns == "logits":
            return np.eye(logits.shape[1], dtype=np.float32)[classes]
        return {"classes": classes, "floats": classes.astype(float), "part": classes[1:]}[spec.returns]

    return classify
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("inputs")
    quantized.write(root / "quantized")
    return {
        "dataset": write_dataset(root / "dataset"),
        "teacher": write_student(root / "teacher"),
        QUANTIZED: root / "quantized",
    }


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The word of a target of a user's own."""
    (tmp_path / "path" / "appliance").mkdir(parents=True)
    (tmp_path / "path" / "appliance" / "__init__.py").write_text("")
    (tmp_path / "path" / "appliance" / "wrong.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    yield "appliance.wrong"
    for name in [name for name in sys.modules if name.partition(".")[0] == "appliance"]:
        del sys.modules[name]


def written(inputs: dict[str, Path], folder: Path, stated: Any) -> StageResult:
    folder.mkdir()
    parameters = target.Target.model_validate({"target": stated})
    return target.run(parameters, {QUANTIZED: inputs[QUANTIZED]}, Context(folder))


def measured(inputs: dict[str, Path], output: Path, targets: dict[str, Any], model: str = QUANTIZED) -> StageResult:
    output.mkdir()
    parameters = measurements.Measurements.model_validate(
        {
            "batch_sizes": [1, 4],
            "iterations": 10,
            "warmup": 1,
            "models": families.family({"teacher": None, QUANTIZED: "teacher"}),
            "targets": {name: {"target": stated, "model": model} for name, stated in targets.items()},
        }
    )
    return measurements.run(parameters, inputs, Context(output))


def test_it_is_written_with_its_facts(inputs: dict[str, Path], tmp_path: Path) -> None:
    result = written(inputs, tmp_path / "out", "ort_mobile")
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["model.ort", "required_operators.config", "target.json"]
    size = (tmp_path / "out" / "model.ort").stat().st_size
    assert next(iter(result.metrics.items())) == ("file_bytes", size)
    facts = json.loads((tmp_path / "out" / "target.json").read_text())
    assert facts["files"] == {"model.ort": size}


def test_targets_are_measured_against_their_model_sample_by_sample(
    inputs: dict[str, Path], wrong: str, tmp_path: Path
) -> None:
    stated = {"target/int8/onnx": {"type": "onnx", "opset": 18}, "target/int8/ort_mobile": "ort_mobile"}
    stated |= {"target/int8/wrong": {"type": wrong, "samples": 3}}
    folders = {name: tmp_path / name.replace("/", "_") for name in stated}
    for name, folder in folders.items():
        written(inputs, folder, stated[name])
    result = measured({**inputs, **folders}, tmp_path / "out", stated)
    samples = len(load_split(inputs["dataset"], "test"))
    for name, differing in (("onnx", 0), ("ort_mobile", 0), ("wrong", 3)):
        assert result.metrics[f"target/int8/{name}.differing_samples"] == differing
        assert result.metrics[f"target/int8/{name}.differing_share"] == differing / samples
    assert result.metrics["target/int8/ort_mobile.file_bytes"] == (
        (folders["target/int8/ort_mobile"] / "model.ort").stat().st_size
    )
    assert result.metrics["target/int8/onnx.latency_p50_us_batch4"] > 0
    assert "target/int8/wrong.latency_p50_us_batch4" not in result.metrics, "nobody said that it tells how fast it is"
    found = {each.name: each for each in evaluation.read(tmp_path / "out").targets}
    assert found["target/int8/onnx"].oldest_runtime == "onnxruntime 1.15"
    assert (found["target/int8/wrong"].differing_samples, found["target/int8/wrong"].model) == (3, QUANTIZED)


def test_a_class_and_logits_of_it_are_the_same_answer(inputs: dict[str, Path], wrong: str, tmp_path: Path) -> None:
    for returns in ("classes", "logits"):
        stated = {"type": wrong, "samples": 2, "returns": returns}
        result = written(inputs, tmp_path / returns, stated)
        assert result.warnings == ("to be read",)
        folders = {"target/int8/wrong": tmp_path / returns}
        found = measured({**inputs, **folders}, tmp_path / f"{returns}_out", {"target/int8/wrong": stated})
        assert found.metrics["target/int8/wrong.differing_samples"] == 2


@pytest.mark.parametrize(("returns", "words"), [("floats", r"float64 of shape \(10,\)"), ("part", r"of shape \(9,\)")])
def test_answers_that_are_none_are_refused(
    returns: str, words: str, inputs: dict[str, Path], wrong: str, tmp_path: Path
) -> None:
    stated = {"type": wrong, "returns": returns}
    written(inputs, tmp_path / "target", stated)
    with pytest.raises(ModelError, match=rf"target/int8/wrong: its predictor returned .*{words} for 10 test samples"):
        measured({**inputs, "target/int8/wrong": tmp_path / "target"}, tmp_path / "o", {"target/int8/wrong": stated})


@pytest.mark.parametrize(("writes", "words"), [("other.bin", r"there is no other\.bin"), ("", "it names no file")])
def test_a_target_that_writes_no_file_is_refused(
    writes: str, words: str, inputs: dict[str, Path], wrong: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=words):
        written(inputs, tmp_path / "out", {"type": wrong, "writes": writes})


def test_measurements_without_targets_are_stated_as_before_there_were_any(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    parameters = measurements.Measurements(models=families.family({"teacher": None}))
    assert set(parameters.model_dump(mode="json")) == {"batch_sizes", "threads", "iterations", "warmup", "models"}
    measured(inputs, tmp_path / "out", {})
    assert set(json.loads((tmp_path / "out" / "measurements.json").read_text())) == {
        "classes",
        "test_samples",
        "models",
    }


def test_a_target_whose_model_or_folder_is_not_there_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(CompressionError, match=r"target/int8/onnx: 'quantized_student/int4', of which it is made"):
        measured(inputs, tmp_path / "one", {"target/int8/onnx": "onnx"}, "quantized_student/int4")
    with pytest.raises(CompressionError, match="target/int8/onnx cannot be measured: the inputs of the stage are"):
        measured(inputs, tmp_path / "two", {"target/int8/onnx": "onnx"})


def test_the_reference_is_the_session_of_the_model(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Against a model that gives each sample the class that is least likely to this one, all differ."""
    written(inputs, tmp_path / "target", "onnx")
    model = onnx.load(quantized.write(tmp_path / "other"))
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(onnx.helper.make_node("Neg", ["before"], [model.graph.output[0].name]))
    onnx.save(model, tmp_path / "other" / "model.onnx")
    folders = {**inputs, QUANTIZED: tmp_path / "other", "target/int8/onnx": tmp_path / "target"}
    found = measured(folders, tmp_path / "out", {"target/int8/onnx": "onnx"})
    assert found.metrics["target/int8/onnx.differing_samples"] == len(load_split(inputs["dataset"], "test"))
