"""The step's gradients are those of the paper's closed form, and its values those of affine quantization."""

import math

import numpy as np
import pytest
import torch

from compression_ops.quantization import affine
from compression_ops.quantization.affine import Affine
from compression_ops.quantization.simulation import learned_step
from compression_ops.quantization.simulation.learned_step import LearnedStep

WEIGHT = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype(np.float32))


def weight_affine(bits: int, axis: int | None) -> Affine:
    low, high = affine.value_range(WEIGHT, axis)
    # So narrow that some weights are cut off.
    return affine.symmetric(0.6 * low, 0.6 * high, affine.integers(bits, signed=True, narrow=True), axis)


def activation_affine() -> Affine:
    return affine.asymmetric(torch.tensor(-0.7), torch.tensor(1.1), affine.integers(8, signed=False))


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("axis", [None, 0])
def test_the_values_are_those_of_affine_quantization(bits: int, axis: int | None) -> None:
    mapped = weight_affine(bits, axis)
    found = LearnedStep(mapped, is_weight=True)(WEIGHT)
    assert torch.equal(found, affine.fake_quantize(WEIGHT, mapped))


def test_the_values_of_an_asymmetric_tensor_are_those_of_affine_quantization() -> None:
    found = LearnedStep(activation_affine(), is_weight=False)(WEIGHT)
    assert torch.equal(found, affine.fake_quantize(WEIGHT, activation_affine()))


@pytest.mark.parametrize("bits", [2, 4])
def test_the_gradients_of_a_weight_are_those_of_the_paper(bits: int) -> None:
    """Esser et al. 2020, equations 3 and 5, with g = 1 / √(N_W Q_P): a channel has 12 weights."""
    mapped, step = weight_affine(bits, 0), LearnedStep(weight_affine(bits, 0), is_weight=True)
    weight = WEIGHT.clone().requires_grad_(True)
    upstream = np.random.default_rng(1).normal(size=WEIGHT.shape).astype(np.float32)
    step(weight).backward(torch.from_numpy(upstream))

    scale = mapped.scale.double().numpy().reshape(-1, 1, 1, 1)
    ratio, most = WEIGHT.double().numpy() / scale, 2 ** (bits - 1) - 1
    inside = (ratio > -most) & (ratio < most)
    of_scale = np.where(inside, np.rint(ratio) - ratio, np.where(ratio <= -most, -most, most))
    expected = (upstream * of_scale).sum(axis=(1, 2, 3)) / math.sqrt(12 * most)
    assert step.ratio.grad is not None
    assert weight.grad is not None
    # The ratio's gradient is divided by the initial scale.
    np.testing.assert_allclose(step.ratio.grad.numpy() * mapped.scale.numpy(), expected, rtol=1e-4)
    np.testing.assert_array_equal(weight.grad.numpy(), upstream * inside)
    assert 0 < inside.mean() < 1


def test_the_gradient_of_an_activations_scale_counts_the_features_of_one_sample() -> None:
    mapped, step = activation_affine(), LearnedStep(activation_affine(), is_weight=False)
    upstream = np.random.default_rng(1).normal(size=WEIGHT.shape).astype(np.float32)
    step(WEIGHT).backward(torch.from_numpy(upstream))
    zero, scale = int(mapped.zero_point), float(mapped.scale)
    ratio = WEIGHT.double().numpy() / scale
    inside = (ratio > -zero) & (ratio < 255 - zero)
    of_scale = np.where(inside, np.rint(ratio) - ratio, np.where(ratio <= -zero, -zero, 255 - zero))
    expected = (upstream * of_scale).sum() / math.sqrt(12 * (255 - zero))
    assert step.ratio.grad is not None
    assert step.ratio.grad.item() * scale == pytest.approx(expected, rel=1e-4)


def test_a_step_of_gradient_descent_changes_the_scale_as_the_paper_does() -> None:
    mapped, step = weight_affine(4, None), LearnedStep(weight_affine(4, None), is_weight=True)
    optimizer = torch.optim.SGD(step.parameters(), lr=0.01)
    step(WEIGHT).sum().backward()
    assert step.ratio.grad is not None
    gradient = step.ratio.grad.item() * float(mapped.scale)
    optimizer.step()
    assert float(step.affine.scale) == pytest.approx(float(mapped.scale) - 0.01 * gradient, rel=1e-5)


def test_a_scale_never_reaches_zero_and_comes_back() -> None:
    step = LearnedStep(weight_affine(4, 0), is_weight=True)
    with torch.no_grad():
        step.ratio.fill_(-3.0)
    assert bool((step.affine.scale > 0).all())
    step(WEIGHT).sum().backward()
    assert step.ratio.grad is not None
    assert bool(step.ratio.grad.isfinite().all())
    assert bool(step.ratio.grad.any())


@pytest.mark.parametrize("bits", [2, 8])
def test_a_weight_begins_with_the_papers_scale_unless_calibration_found_a_smaller(bits: int) -> None:
    low, high = affine.value_range(WEIGHT, 0)
    calibrated = affine.symmetric(low, high, affine.integers(bits, signed=True, narrow=True), 0)
    paper = 2 * np.abs(WEIGHT.numpy()).mean(axis=(1, 2, 3)) / math.sqrt(2 ** (bits - 1) - 1)
    expected = np.minimum(paper, calibrated.scale.numpy())
    np.testing.assert_allclose(learned_step.initial(WEIGHT, calibrated).scale.numpy(), expected, rtol=1e-6)
    assert (bits == 8) == bool(np.array_equal(expected, calibrated.scale.numpy()))


def test_a_weight_of_zeros_keeps_a_scale() -> None:
    zeros = torch.zeros(3, 4)
    calibrated = affine.symmetric(*affine.value_range(zeros, 0), affine.integers(4, signed=True, narrow=True), 0)
    assert torch.equal(learned_step.initial(zeros, calibrated).scale, torch.ones(3))
