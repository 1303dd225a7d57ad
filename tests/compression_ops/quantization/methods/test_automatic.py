"""Bits chosen by themselves for a real network of three layers, against all 64 combinations made by hand."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from compression_ops import dry_run
from compression_ops.data import dataset
from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.evaluation import cost
from compression_ops.models.network import Network
from compression_ops.onnx_model import chosen_widths, export, raw_samples, session
from compression_ops.onnx_model.chosen_widths import ChosenWidths
from compression_ops.quantization import activations, qdq
from compression_ops.quantization.methods import automatic, calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.widths import WIDTHS, Trials, stored_bytes
from compression_ops.stages import quantized_student
from compression_ops.stages.stage import Context, StageResult
from compression_ops.training.hyperparameters import Training
from tests.compression_ops.quantization import a_student

SHAPE, CLASSES, VALIDATION, BOUND = (1, 8, 8), 5, 300, 15.0
DESCRIPTION = Description(tuple("abcde"), SHAPE, (0.5,), (0.29,))
CALIBRATION = {"method": "minmax", "samples": 40}
WEIGHTS = {"first.weight": 72, "second.weight": 1152, "head.weight": 80}
# The file that is found against the smallest of the 64 that keep to the bound.
FACTOR = 1.05


class ThreeLayers(nn.Module):
    """Two convolutions and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.first(x).relu()).relu().mean((2, 3)))


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return ThreeLayers()


def _student() -> nn.Module:
    network = ThreeLayers()
    nn.init.normal_(network.head.weight, std=2.0)
    return network


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    counts = {"train": 60, "validation": VALIDATION, "test": 10}
    return a_student.write(tmp_path_factory.mktemp("inputs"), _student, f"{__name__}:build", DESCRIPTION, counts)


def compute(inputs: dict[str, Path], output: Path, method: Mapping[str, Any], **more: Any) -> StageResult:
    output.mkdir()
    stated = {"calibration": CALIBRATION, "method": {"type": "automatic", "max_accuracy_drop": BOUND, **method}, **more}
    parameters = quantized_student.QuantizedStudent.model_validate(stated)
    return quantized_student.run(parameters, inputs, Context(output))


def chosen(folder: Path) -> ChosenWidths:
    found = chosen_widths.of_folder(folder)
    assert found is not None
    return found


@cache
def every_combination(student: Path, data: Path) -> dict[tuple[int, ...], tuple[float, int]]:
    """(points lost, bytes of the file) of all 64, each from its own mapping."""
    model, train = export.export_saved(student), dataset.load_split(data, "train")
    images = dataset.normalize(train.samples[np.arange(40) * len(train) // 40], DESCRIPTION).numpy()
    ranges = activations.bounds(activations.replay(model, images))
    by_bits = {bits: calibrated.mapping(model, ranges, Precision(weight_bits=bits)) for bits in WIDTHS}
    validation = dataset.load_split(data, "validation")
    found: dict[tuple[int, ...], tuple[float, int]] = {}
    for widths in itertools.product(WIDTHS, repeat=3):
        weights = {name: by_bits[width].weights[name] for name, width in zip(WEIGHTS, widths, strict=True)}
        written = raw_samples.normalizing(qdq.write(model, replace(by_bits[8], weights=weights)).model, DESCRIPTION)
        running = session.open_session(written.SerializeToString())
        logits = session.predict(running, validation.samples.numpy(), 64)
        right = (logits.argmax(1) == validation.labels.numpy()).mean()
        found[widths] = 100 * (1 - float(right)), len(written.SerializeToString())
    return found


def test_the_found_one_is_near_the_best_of_all_64_combinations(inputs: dict[str, Path], tmp_path: Path) -> None:
    result = compute(inputs, tmp_path / "found", {})
    found, every = chosen(tmp_path / "found"), every_combination(inputs["student"], inputs["dataset"])
    bits = tuple(layer.bits for layer in found.layers)
    assert found.complete
    assert [layer.name for layer in found.layers] == list(WEIGHTS)
    assert min(bits) < 8
    lost, size = every[bits]
    assert lost <= BOUND
    assert result.metrics["accuracy_drop_points"] == pytest.approx(lost)
    described = len((tmp_path / "found" / "model.onnx").read_bytes()) - size  # what `metadata.describe` adds
    best = min(size for lost, size in every.values() if lost <= BOUND)
    assert size <= FACTOR * best
    for layer, width in itertools.product(range(3), WIDTHS):
        if width < bits[layer]:
            further, smaller = every[(*bits[:layer], width, *bits[layer + 1 :])]
            assert further > BOUND or smaller >= size
    for step in found.curve:
        assert 100 * (1 - step.validation_accuracy) == pytest.approx(every[step.bits][0])
        assert step.file_bytes - described == every[step.bits][1]


def test_sensitivities_are_the_divergences_of_the_networks_with_one_layer_of_few_bits(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    compute(inputs, tmp_path / "found", {})
    found = chosen(tmp_path / "found")
    for layer in found.layers:
        assert list(layer.sensitivity) == [4, 3, 2]
        assert layer.sensitivity[2] > max(0, layer.sensitivity[4])


def test_the_divergence_is_that_of_torch() -> None:
    p, q = (np.random.default_rng(seed).normal(0, 3, (50, 7)).astype(np.float32) for seed in (0, 1))
    logs = [torch.log_softmax(torch.from_numpy(each).double(), 1) for each in (q, p)]
    expected = nn.functional.kl_div(*logs, reduction="batchmean", log_target=True)
    assert automatic.divergence(p, q) == pytest.approx(float(expected))
    assert automatic.divergence(p, p) == 0


@pytest.mark.parametrize("opset", [18, 21])
def test_bytes_of_weights_are_those_of_the_file(inputs: dict[str, Path], tmp_path: Path, opset: int) -> None:
    compute(inputs, tmp_path / "found", {"max_accuracy_drop": 20.0}, opset=opset)
    found = chosen(tmp_path / "found")
    assert len(set(found.bits.values())) > 1
    biases = 4 * (8 + 16 + CLASSES)
    stored = cost.measure(tmp_path / "found" / "model.onnx").weight_bytes
    assert found.chosen.weight_bytes == stored - biases
    assert found.chosen.weight_bytes == stored_bytes(WEIGHTS, found.bits, opset == 21)
    assert found.curve[0].weight_bytes == sum(WEIGHTS.values())


@pytest.mark.slow
def test_what_is_verified_is_what_is_shipped_with_learned_rounding_and_corrected_biases(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    refined = {"rounding": "adaround", "rounding_steps": 30, "bias_correction": True, "equalization": True}
    result = compute(inputs, tmp_path / "found", {}, **refined)
    found = chosen(tmp_path / "found")
    assert result.metrics["validation_accuracy"] == found.chosen.validation_accuracy
    assert len((tmp_path / "found" / "model.onnx").read_bytes()) == found.chosen.file_bytes
    assert result.metrics["models_tried"] == found.models


def test_the_same_choice_each_time(inputs: dict[str, Path], tmp_path: Path) -> None:
    for name in ("once", "again"):
        compute(inputs, tmp_path / name, {})
    for file in ("model.onnx", "quantization.json"):
        assert (tmp_path / "once" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


@pytest.mark.parametrize("limit", [1, 5, 12])
def test_no_more_models_than_allowed_are_tried_and_that_is_told(
    inputs: dict[str, Path], tmp_path: Path, limit: int
) -> None:
    result = compute(inputs, tmp_path / "found", {"max_models": limit})
    found = chosen(tmp_path / "found")
    assert found.models <= limit
    assert not found.complete
    assert any(f"ended after {found.models} models" in warning for warning in result.warnings)
    assert found.chosen.validation_accuracy >= 1 - BOUND / 100


def test_a_bound_that_8_bits_break_already_is_told(inputs: dict[str, Path], tmp_path: Path) -> None:
    # 4-bit activations lose samples, whatever the weights have
    result = compute(inputs, tmp_path / "found", {"max_accuracy_drop": 0.0}, activation_bits=4)
    assert set(chosen(tmp_path / "found").bits.values()) == {8}
    assert any("no bits keep to max_accuracy_drop" in warning for warning in result.warnings)


def test_the_sentence_says_what_was_chosen_and_why(inputs: dict[str, Path], tmp_path: Path) -> None:
    compute(inputs, tmp_path / "found", {})
    found = chosen(tmp_path / "found")
    few = sum(layer.bits <= 4 for layer in found.layers)
    assert f"{few} of 3 layers" in found.sentence
    assert f"{found.chosen.weight_bytes:,} instead of 1,304 bytes of weights" in found.sentence
    widest = max(found.layers, key=lambda layer: (layer.bits, layer.weights))
    assert f"{widest.name} keeps {widest.bits} bits, since fewer would" in found.sentence


def test_what_is_kept_reads_back_equal(inputs: dict[str, Path], tmp_path: Path) -> None:
    compute(inputs, tmp_path / "found", {})
    found = chosen(tmp_path / "found")
    assert ChosenWidths.from_fields(json.loads(json.dumps(found.fields()))) == found
    assert chosen_widths.of_folder(inputs["student"]) is None


def test_a_network_without_layers_is_refused() -> None:
    nothing = np.zeros((1, 2), np.float32)

    def run(bits: Mapping[str, int], refined: bool) -> Any:
        raise AssertionError

    with pytest.raises(ModelError, match="Leave `method` out"):
        automatic.choose(automatic.Automatic(max_accuracy_drop=1.0), Trials({}, run, np.zeros(1, np.int64), nothing))


def test_a_mixed_model_runs_on_integers(inputs: dict[str, Path], tmp_path: Path) -> None:
    result = compute(inputs, tmp_path / "found", {})
    assert onnx.load(tmp_path / "found" / "model.onnx").opset_import[0].version == 21
    assert result.metrics["integer_share"] >= 0.75


def test_a_dry_run_tries_one_model(inputs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    choose = automatic.choose

    def counted(spec: automatic.Automatic, trials: Trials) -> ChosenWidths:
        found = choose(spec, trials)
        asked.append((spec.max_models, found.models))
        return found

    monkeypatch.setattr(automatic, "choose", counted)
    training = Training(epochs=3, batch_size=16, learning_rate=0.01)
    network, train = Network(f"{__name__}:build", SHAPE, CLASSES), dataset.load_split(inputs["dataset"], "train")
    method = automatic.Automatic(max_accuracy_drop=1.0)
    dry_run.check(network, training, train, DESCRIPTION, [(Precision(), method)])
    assert asked == [(1, 1)]
