"""Ranges are those of numpy, onnxruntime and the paper, whatever the batches that they are collected in."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnxruntime.quantization import create_calibrator
from pydantic import ValidationError

from compression_ops.errors import ModelError
from compression_ops.quantization import activations, histogram
from compression_ops.quantization.activations import Replay
from compression_ops.quantization.calibration import entropy, minmax, mse, percentile
from compression_ops.spec import Spec
from tests.compression_ops import random_networks

REPOSITORY = Path(__file__).resolve().parents[4]
SPECS = [
    (minmax, minmax.MinMax(method="minmax")),
    (percentile, percentile.Percentile(method="percentile")),
    (entropy, entropy.Entropy(method="entropy")),
    (mse, mse.Mse(method="mse")),
]


def playing(values: np.ndarray, batches: int = 1) -> Replay:
    def replay() -> Iterator[Mapping[str, np.ndarray]]:
        for batch in np.array_split(values, batches):
            yield {"x": batch}

    return replay


def normal(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count, dtype=np.float32)


class Reader:
    """What onnxruntime's calibrators read from."""

    def __init__(self, images: np.ndarray) -> None:
        self.batches = [images[:5], images[5:]]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return {"input": self.batches.pop(0)} if self.batches else None


def test_minmax_finds_the_ranges_that_onnxruntime_finds(tmp_path: Path) -> None:
    images = random_networks.images(12)
    onnx.save(random_networks.exported(), tmp_path / "model.onnx")
    reference = create_calibrator(tmp_path / "model.onnx", [], augmented_model_path=str(tmp_path / "augmented.onnx"))
    reference.collect_data(Reader(images))
    expected = {name: data.range_value for name, data in reference.compute_data().items()}
    found = minmax.calibrate(
        minmax.MinMax(method="minmax"), activations.replay(random_networks.exported(), images, batch_size=5)
    )
    assert found.keys() >= expected.keys()
    for name, span in expected.items():
        np.testing.assert_allclose(found[name], np.ravel(span), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_ranges_do_not_depend_on_the_batches(batch_size: int) -> None:
    images = random_networks.images(9)
    whole, parts = (
        {
            spec.method: module.calibrate(spec, activations.replay(random_networks.exported(), images, size))
            for module, spec in SPECS[:2]
        }
        for size in (9, batch_size)
    )
    for method, ranges in whole.items():
        for name, span in ranges.items():
            np.testing.assert_allclose(parts[method][name], span, rtol=1e-3, atol=1e-4, err_msg=f"{method} {name}")


@settings(deadline=None, max_examples=50)
@given(
    values=hnp.arrays(np.float32, st.integers(4, 400), elements=st.floats(-100, 100, width=32)),
    share=st.floats(50.1, 100),
    batches=st.integers(1, 4),
)
def test_percentile_keeps_the_central_quantiles_to_one_bin(values: np.ndarray, share: float, batches: int) -> None:
    low, high = percentile.calibrate(
        percentile.Percentile(method="percentile", percentile=share), playing(values, batches)
    )["x"]
    tail = (100 - share) / 2
    bin_width = float(np.ptp(values.astype(np.float64))) / 8192
    tolerance = 2 * bin_width + 1e-6 + (1 / 8192 if bin_width == 0 else 0)
    # Between two samples any value is a quantile; numpy names the outermost and the innermost of them.
    for found, position in ((low, tail), (high, 100 - tail)):
        inner, outer = (np.percentile(values, position, method=method) for method in ("lower", "higher"))
        assert inner - tolerance <= found <= outer + tolerance


def test_the_hundredth_percentile_is_minmax() -> None:
    values = normal(1000)
    found = percentile.calibrate(percentile.Percentile(method="percentile", percentile=100), playing(values))["x"]
    np.testing.assert_allclose(found, (values.min(), values.max()), rtol=1e-6)


def naive_threshold(counts: list[int], levels: int) -> int:
    """Migacz 2017, slide 38, with plain loops."""
    total, best, best_kept = sum(counts), float("inf"), 0
    for kept in range(levels, len(counts) + 1):
        clipped = sum(counts[kept:])
        if clipped > 0.001 * total:
            continue
        p = [float(count) for count in counts[:kept]]
        p[-1] += clipped
        q = [0.0] * kept
        for level in range(levels):
            members = [i for i in range(kept) if i * levels // kept == level]
            occupied = [i for i in members if counts[i] > 0]
            for i in occupied:
                q[i] = sum(counts[j] for j in members) / len(occupied)
        p_sum, q_sum = sum(p), sum(q)
        divergence = sum(
            a / p_sum * np.log(a / p_sum / max(b / q_sum, 1e-12)) for a, b in zip(p, q, strict=True) if a > 0
        )
        if divergence <= best + 1e-15:
            best, best_kept = divergence, kept
    return best_kept


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), spread=st.floats(0.05, 3))
def test_entropy_chooses_the_threshold_of_the_paper(seed: int, spread: float) -> None:
    values = np.abs(normal(3000, seed)) ** (1 + spread)
    counts = np.histogram(values, bins=48, range=(0, float(values.max())))[0]
    assert entropy.threshold(counts, 8) == naive_threshold(counts.tolist(), 8)


def test_entropy_clips_an_outlier_and_keeps_a_flat_distribution() -> None:
    spec = entropy.Entropy(method="entropy")
    values = np.append(normal(100_000), np.float32(50))
    low, high = entropy.calibrate(spec, playing(values, 3))["x"]
    assert -5 < low < -3
    assert 3 < high < 5
    flat = np.linspace(0, 1, 100_000, dtype=np.float32)
    assert entropy.calibrate(spec, playing(flat))["x"] == pytest.approx((0, 1))


def test_entropy_does_not_clip_to_the_background_of_an_image() -> None:
    """Four of five pixels are the same; the plain algorithm would put the threshold at that value."""
    values = np.concatenate([np.full(80_000, -0.42), np.random.default_rng(0).uniform(-0.42, 2.8, 20_000)])
    _, high = entropy.calibrate(entropy.Entropy(method="entropy"), playing(values.astype(np.float32)))["x"]
    assert high > 2.7


def squared_error(values: np.ndarray, low: float, high: float, levels: int) -> float:
    """Of 8-bit asymmetric quantization by its definition, in plain numpy and double precision."""
    scale = (high - low) / (levels - 1)
    zero_point = np.clip(np.rint(-low / scale), 0, levels - 1)
    integers = np.clip(np.rint(values / scale) + zero_point, 0, levels - 1)
    return float(np.mean(np.square((integers - zero_point) * scale - values)))


@pytest.mark.parametrize("levels", [16, 64, 256])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mse_is_as_good_as_the_best_of_every_pair_of_ends(levels: int, seed: int) -> None:
    """Long tails, another on each side, and zeros as after a ReLU."""
    draw = np.random.default_rng(seed)
    positive, negative = np.abs(draw.standard_t(3, 2000)), -0.3 * np.abs(draw.standard_normal(800))
    values = np.concatenate([positive, negative, np.zeros(1000)])
    grid = np.arange(2, 101, 2) / 100
    brute = min(squared_error(values, a * values.min(), b * values.max(), levels) for a in grid for b in grid)
    low, high = mse.calibrate(mse.Mse(method="mse"), playing(values.astype(np.float32), 3), levels)["x"]
    assert squared_error(values, low, high, levels) <= 1.03 * brute


@pytest.mark.parametrize(("bits", "deviations"), [(3, 2.15), (4, 2.55)])
def test_mse_clips_a_normal_distribution_where_its_closed_form_says(bits: int, deviations: float) -> None:
    """Banner et al. 2019, "Post training 4-bit quantization of convolutional networks": the optimal clipping."""
    low, high = mse.calibrate(mse.Mse(method="mse"), playing(normal(200_000)), 2**bits)["x"]
    assert (high - low) / 2 == pytest.approx(deviations, abs=0.15)


@pytest.mark.parametrize(("module", "spec"), SPECS)
def test_a_tensor_of_zeros_has_the_range_zero(module: ModuleType, spec: Spec) -> None:
    low, high = module.calibrate(spec, playing(np.zeros(10, np.float32)))["x"]
    assert low == pytest.approx(0, abs=1e-3)
    assert high == pytest.approx(0, abs=1e-3)


def test_not_a_number_is_refused_with_the_name_of_its_tensor() -> None:
    with pytest.raises(ModelError, match="tensor 'x'"):
        activations.bounds(playing(np.array([1, np.nan, 2], np.float32)))


@pytest.mark.parametrize(("module", "spec"), SPECS)
def test_a_tensor_with_an_infinity_has_no_range(module: ModuleType, spec: Spec) -> None:
    assert module.calibrate(spec, playing(np.array([1, -np.inf, 2], np.float32), 3)) == {}


def test_each_tensor_of_the_network_is_observed_in_every_batch() -> None:
    model = random_networks.exported()
    batches = list(activations.replay(model, random_networks.images(10), batch_size=4)())
    assert [len(batch["input"]) for batch in batches] == [4, 4, 2]
    computed = {name for node in model.graph.node for name in node.output}
    assert all(set(batch) == computed | {"input"} for batch in batches)


def test_a_histogram_counts_each_value_once_the_largest_included() -> None:
    values = normal(1000)
    replay = playing(values, 7)
    found = histogram.collect(replay, activations.bounds(replay), bins=64)["x"]
    assert found.counts.sum() == 1000
    np.testing.assert_array_equal(found.counts, np.histogram(values.astype(np.float64), bins=found.edges)[0])


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "percentile", "percentile": 50},
        {"method": "percentile", "percentile": 100.1},
        {"method": "percentile", "samples": 0},
        {"method": "percentile", "samples": "many"},
        {"method": "minmax"},
        {"method": "percentile", "percentil": 99.0},
    ],
)
def test_a_bad_parameter_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        percentile.Percentile.model_validate(fields)


def test_reading_a_recipe_imports_no_numerics() -> None:
    script = (
        "import sys, compression_ops.quantization.precision;"
        "from compression_ops.quantization.calibration import minmax, entropy, mse, percentile;"
        "print([m for m in ('torch', 'numpy', 'onnx', 'onnxruntime') if m in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"
