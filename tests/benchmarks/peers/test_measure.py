"""Every model is judged on the same samples, against the float student; none that fails is left out."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from scipy import stats

from benchmarks.peers import measure
from benchmarks.peers.measure import Measured
from compression_ops.data.dataset import load_description, load_split, normalize
from compression_ops.errors import ModelError
from tests.compression_ops import linear_models, small_data


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_data.artifact(tmp_path_factory.mktemp("data") / "dataset")


def saved(folder: Path, name: str, weights: np.ndarray) -> Path:
    onnx.save(linear_models.linear(weights, small_data.SHAPE), folder / name)
    return folder / name


def right(weights: np.ndarray, dataset: Path) -> np.ndarray:
    """bool [N], computed without onnxruntime."""
    test = load_split(dataset, "test")
    images = normalize(test.samples, load_description(dataset)).numpy().reshape(len(test), -1)
    return (images @ weights).argmax(axis=1) == test.labels.numpy()


def test_accuracy_gains_losses_and_p_are_those_of_a_paired_binomial_test(dataset: Path, tmp_path: Path) -> None:
    good = linear_models.column_brightness(small_data.SHAPE, small_data.CLASSES)
    noise = np.random.default_rng(0).normal(size=good.shape).astype(np.float32)
    floating, other = good + 5 * noise, good + 5 * noise[::-1]
    files = {"peer": saved(tmp_path, "peer.onnx", other)}
    found = measure.measure(saved(tmp_path, "float.onnx", floating), files, dataset, repetitions=2)
    peer, before, after = found["peer"], right(floating, dataset), right(other, dataset)
    assert isinstance(peer, Measured)
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    assert gained > 0
    assert lost > 0
    assert peer.accuracy == pytest.approx(after.mean())
    assert (peer.against_float.only_first, peer.against_float.only_second) == (gained, lost)
    assert peer.against_float.p_value == pytest.approx(stats.binomtest(gained, gained + lost).pvalue)
    assert len(peer.latencies) == 2
    assert all(0 < microseconds < 1e5 for microseconds in peer.latencies)


def test_bytes_are_those_of_the_file_as_the_tool_wrote_it(dataset: Path, tmp_path: Path) -> None:
    weights = linear_models.column_brightness(small_data.SHAPE, small_data.CLASSES)
    file = saved(tmp_path, "peer.onnx", weights)
    found = measure.measure(file, {"peer": file}, dataset, repetitions=1)["peer"]
    assert isinstance(found, Measured)
    assert found.cost.file_bytes == file.stat().st_size
    assert found.cost.weight_bytes == weights.size * 4
    assert found.float_weights


def test_weights_that_are_quantized_when_the_model_is_loaded_are_told_as_the_floats_that_they_are(
    dataset: Path, tmp_path: Path
) -> None:
    weights = linear_models.column_brightness(small_data.SHAPE, small_data.CLASSES)
    model = linear_models.linear(weights, small_data.SHAPE)
    scale, zero = np.array(0.01, np.float32), np.array(0, np.int8)
    model.graph.initializer.extend([numpy_helper.from_array(scale, "scale"), numpy_helper.from_array(zero, "zero")])
    for number, (operator, before, after) in enumerate(
        [("QuantizeLinear", "weights", "integers"), ("DequantizeLinear", "integers", "rounded")]
    ):
        model.graph.node.insert(number, helper.make_node(operator, [before, "scale", "zero"], [after]))
    model.graph.node[-1].input[1] = "rounded"
    onnx.save(model, tmp_path / "late.onnx")
    floating = saved(tmp_path, "float.onnx", weights)
    found = measure.measure(floating, {"late": tmp_path / "late.onnx"}, dataset, repetitions=1)["late"]
    assert isinstance(found, Measured)
    assert found.cost.weight_bytes == weights.size * 4
    assert found.float_weights


def test_a_model_that_cannot_be_run_says_why_and_the_others_are_measured(dataset: Path, tmp_path: Path) -> None:
    weights = linear_models.column_brightness(small_data.SHAPE, small_data.CLASSES)
    floating, broken = saved(tmp_path, "float.onnx", weights), tmp_path / "broken.onnx"
    model = linear_models.linear(weights, small_data.SHAPE)
    model.graph.node[0].CopyFrom(helper.make_node("Sideways", ["input"], ["flat"], domain="no.such"))
    model.opset_import.append(helper.make_opsetid("no.such", 1))
    onnx.save(model, broken)
    narrow = saved(tmp_path, "narrow.onnx", weights[:, :2])
    found = measure.measure(floating, {"broken": broken, "narrow": narrow}, dataset, repetitions=1)
    assert isinstance(found["broken"], ModelError)
    assert "Sideways" in str(found["broken"])
    assert isinstance(found["narrow"], ModelError)
    assert "(48, 3)" in str(found["narrow"])
    assert isinstance(found[""], Measured)
