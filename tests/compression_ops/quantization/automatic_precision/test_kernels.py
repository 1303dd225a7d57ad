"""Layers on integers chosen by the clock, of a real network: against a plain loop over onnxruntime's sessions."""

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import Tensor, nn

from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.onnx_model import export, session
from compression_ops.onnx_model.layers import chosen_kernels
from compression_ops.onnx_model.layers.chosen_kernels import FLOAT, INTEGER, ChosenKernels
from compression_ops.quantization import integer_kernels
from compression_ops.quantization.automatic_precision import kernels, mixed
from compression_ops.quantization.methods import automatic, calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.widths import Trials, Tried
from compression_ops.stages import quantized_student
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops.quantization import a_student

SHAPE, CLASSES = (1, 12, 12), 5
DESCRIPTION = Description(tuple("abcde"), SHAPE, (0.5,), (0.29,))
LAYERS, TIE = ("first.weight", "big.weight", "head.weight"), 12.0


class BigAndTiny(nn.Module):
    """One convolution does nearly all of the work."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.big = nn.Conv2d(1, 64, 3, stride=2, padding=1), nn.Conv2d(64, 160, 3, padding=1)
        self.head = nn.Linear(160, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.big(self.first(x).relu()).relu().mean((2, 3)))


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return BigAndTiny()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    counts = {"train": 40, "validation": 60, "test": 10}
    return a_student.write(tmp_path_factory.mktemp("inputs"), BigAndTiny, f"{__name__}:build", DESCRIPTION, counts)


def compute(inputs: dict[str, Path], output: Path, **method: Any) -> StageResult:
    output.mkdir()
    stated = {"type": "automatic", "minimize": "latency", "max_accuracy_drop": 100.0, "min_gain": TIE, **method}
    calibration = {"method": "minmax", "samples": 20}
    parameters = quantized_student.QuantizedStudent.model_validate({"calibration": calibration, "method": stated})
    return quantized_student.run(parameters, inputs, Context(output))


def chosen(folder: Path) -> ChosenKernels:
    found = chosen_kernels.of_folder(folder)
    assert found is not None
    return found


class _Images(CalibrationDataReader):
    def __init__(self, name: str, images: np.ndarray) -> None:
        self._batches = iter([{name: images}])

    def get_next(self) -> Any:
        return next(self._batches, None)


def by_hand(student: Path, folder: Path) -> dict[frozenset[str], float]:
    """Median microseconds of all combinations, each written by onnxruntime's own tool, one call of each at a time."""
    model = export.export_saved(student)
    for index, node in enumerate(model.graph.node):
        node.name = f"node_{index}"
    onnx.save(model, folder / "float.onnx")
    of_layer = {name: node.name for node in model.graph.node for name in node.input if name in LAYERS}
    images = np.random.default_rng(0).normal(0, 1, (20, *SHAPE)).astype(np.float32)
    sessions = {frozenset[str](): session.open_session(folder / "float.onnx")}
    for some in (frozenset(each) for count in (1, 2, 3) for each in itertools.combinations(LAYERS, count)):
        left = [name for layer, name in of_layer.items() if layer not in some]
        file, reader = folder / "mixed.onnx", _Images(model.graph.input[0].name, images)
        quantize_static(
            folder / "float.onnx", file, reader, QuantFormat.QDQ, nodes_to_exclude=left, per_channel=True,
            reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        sessions[some] = session.open_session(file)
    elapsed: dict[frozenset[str], list[float]] = {some: [] for some in sessions}
    for _ in range(150):
        for some, running in sessions.items():
            started = time.perf_counter()
            running.run(None, {model.graph.input[0].name: images[:1]})
            elapsed[some].append(1e6 * (time.perf_counter() - started))
    return {some: float(np.median(times)) for some, times in elapsed.items()}


@pytest.mark.slow
def test_the_choice_is_that_of_a_plain_loop_over_all_combinations(inputs: dict[str, Path], tmp_path: Path) -> None:
    found = by_hand(inputs["student"], tmp_path)
    tie = min(found.values()) + TIE / 100 * found[frozenset()]
    tied = [some for some, latency in found.items() if latency <= tie]
    expected = min(tied, key=lambda some: (len(some), found[some]))
    result, own = compute(inputs, tmp_path / "found"), chosen(tmp_path / "found")
    assert expected == {"big.weight"}
    assert {layer.name for layer in own.layers if layer.is_integer} == expected
    # The same choice is the same content: what was measured, and where, is apart from it.
    assert result.volatile == {"latencies.json"}
    content = (tmp_path / "found" / "quantization.json").read_text()
    assert "latency" not in content
    assert own.processor not in content
    assert own.chosen.latency_us < own.models[0].latency_us
    assert "big.weight runs on integers" in own.sentence
    assert own.processor in own.sentence
    assert 0 < result.metrics["integer_share"] <= 0.5


def _trials(latencies: Mapping[frozenset[str], float], wrong: frozenset[str] = frozenset()) -> Trials:
    """Of two layers; those `wrong` on integers lose 10 of 100 samples each."""

    def integers(bits: Mapping[str, int]) -> frozenset[str]:
        assert set(bits.values()) <= {FLOAT, INTEGER}
        return frozenset(name for name, width in bits.items() if width == INTEGER)

    def run(bits: Mapping[str, int], refined: bool) -> Tried:
        assert refined, "what is judged is what would be shipped"
        logits = np.eye(2, dtype=np.float32)[np.zeros(100, np.int64)]
        logits[: 10 * len(integers(bits) & wrong)] = [0, 1]
        return Tried(logits, 1)

    def timed(models: Any, batch_size: int) -> np.ndarray:
        assert batch_size == 4
        return np.array([[latencies[integers(bits)]] * 5 for bits in models])

    shapes, labels = {"a": (3, 2), "b": (4, 5)}, np.zeros(100, np.int64)
    return Trials(shapes, run, labels, np.eye(2, dtype=np.float32)[labels], timed=timed)


_A, _B, _BOTH = frozenset("a"), frozenset("b"), frozenset("ab")
_LATENCIES = {frozenset[str](): 100.0, _A: 60.0, _B: 97.0, _BOTH: 55.0}


@pytest.mark.parametrize(
    ("latencies", "wrong", "min_gain", "expected"),
    [
        (_LATENCIES, frozenset(), 6.0, {"a": 8, "b": 32}),
        (_LATENCIES, frozenset(), 4.0, {"a": 8, "b": 8}),
        (_LATENCIES, _A, 2.0, {"a": 32, "b": 8}),
        (_LATENCIES, _A, 4.0, {"a": 32, "b": 32}),
        (_LATENCIES, _BOTH, 2.0, {"a": 32, "b": 32}),
        ({**_LATENCIES, _BOTH: 100.0, _A: 104.0, _B: 99.0}, frozenset(), 0.0, {"a": 32, "b": 8}),
    ],
)
def test_a_given_table_of_latencies_gives_its_choice_and_says_why(
    latencies: Mapping[frozenset[str], float], wrong: frozenset[str], min_gain: float, expected: dict[str, int]
) -> None:
    spec = automatic.Automatic(max_accuracy_drop=5.0, minimize="latency", batch_size=4, min_gain=min_gain)
    found = automatic.choose(spec, _trials(latencies, wrong))
    assert isinstance(found, ChosenKernels)
    assert found.bits == expected
    integers = frozenset(name for name, bits in expected.items() if bits == INTEGER)
    assert found.chosen.latency_us == pytest.approx(latencies[integers])
    for layer in found.layers:
        changed = latencies[integers ^ {layer.name}] - latencies[integers]
        assert layer.otherwise_us == pytest.approx(changed)
    assert f"{min_gain:g} %" in found.sentence or expected == {"a": 8, "b": 8}
    assert ("all layers stay float" in found.sentence) is (not integers)
    assert ChosenKernels.from_fields(found.fields()) == found


@pytest.mark.parametrize(
    ("wrong", "least", "limit", "expected"),
    [
        (frozenset(), 50.0, 200, "no choice of layers on integers gains more than 50 %"),
        (_BOTH, 2.0, 200, "loses more than 5 points of validation accuracy"),
        (frozenset(), 50.0, 1, "`max_models` ended the search after 1"),
        (_BOTH, 2.0, 1, "loses more than 5 points of validation accuracy; `max_models` ended the search after 1"),
    ],
)
def test_why_all_layers_stay_float_is_said(wrong: frozenset[str], least: float, limit: int, expected: str) -> None:
    found = kernels.chosen(_trials(_LATENCIES, wrong), 5.0, 4, least, limit)
    assert set(found.bits.values()) == {FLOAT}
    assert expected in found.sentence
    assert ("loses" in found.sentence) is bool(wrong)
    assert ("max_models" in found.sentence) is not found.complete


def test_models_that_nobody_can_time_are_refused() -> None:
    nothing = np.zeros((1, 2), np.float32)
    trials = Trials({"a": (1,)}, lambda bits, refined: Tried(nothing, 1), np.zeros(1, np.int64), nothing)
    with pytest.raises(ModelError, match="cannot be timed"):
        automatic.choose(automatic.Automatic(max_accuracy_drop=1.0, minimize="latency"), trials)


def test_what_stays_float_is_float_and_all_of_it_is_the_float_model(inputs: dict[str, Path], tmp_path: Path) -> None:
    result = compute(inputs, tmp_path / "float", min_gain=100.0, max_models=4)
    assert set(chosen(tmp_path / "float").bits.values()) == {FLOAT}
    assert result.metrics["integer_share"] == 0
    assert result.metrics["largest_logit_change"] < 1e-5
    assert any("ended after 4 models" in warning for warning in result.warnings)

    model = export.export_saved(inputs["student"])
    ranges = dict.fromkeys((*(each.name for each in model.graph.input), *_computed(model)), (-1.0, 1.0))
    mapping = calibrated.mapping(model, ranges, Precision())
    assert mixed.restricted(model.graph, mapping, []) is mapping
    alone = mixed.restricted(model.graph, mapping, ["first.weight", "head.weight"])
    assert set(alone.weights) == {"big.weight"}
    (big,) = [node for node in model.graph.node if "big.weight" in node.input]
    assert {big.input[0], big.output[0]} <= set(alone.activations)
    assert model.graph.input[0].name not in alone.activations
    nothing = mixed.restricted(model.graph, mapping, LAYERS)
    assert (nothing.weights, nothing.activations) == ({}, {})


def _computed(model: onnx.ModelProto) -> list[str]:
    return [name for node in model.graph.node for name in node.output]


def test_the_chosen_kernels_are_those_of_the_session(inputs: dict[str, Path], tmp_path: Path) -> None:
    compute(inputs, tmp_path / "found", min_gain=0.0, max_models=1)
    found = chosen(tmp_path / "found")
    found_kernels = integer_kernels.kernels((tmp_path / "found" / "model.onnx").read_bytes())
    layers = sum(count for name, count in found_kernels.floating.items() if name.endswith(("Conv", "Gemm", "MatMul")))
    assert layers == sum(not layer.is_integer for layer in found.layers)
