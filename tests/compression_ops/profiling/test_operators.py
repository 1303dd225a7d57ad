"""Operations of operators, against torch's own counter; and sums against sums by hand."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from compression_ops.profiling import operators
from compression_ops.profiling.operators import Call
from compression_ops.profiling.profile import calls


def _image(*shape: int) -> Tensor:
    return torch.ones(*shape, requires_grad=True)


COMPUTATIONS: dict[str, Callable[[], Tensor]] = {
    "product": lambda: _image(5, 7) @ _image(7, 3),
    "products": lambda: torch.bmm(_image(2, 5, 7), _image(2, 7, 3)),
    "linear": lambda: nn.Linear(7, 3)(_image(5, 7)),
    "convolution": lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1)(_image(2, 4, 9, 11)),
    "dilated": lambda: nn.Conv2d(4, 6, (3, 1), dilation=(2, 1))(_image(2, 4, 9, 11)),
    "of data alone": lambda: nn.Conv2d(4, 6, 3)(torch.ones(2, 4, 9, 9)),
    "transposed": lambda: nn.ConvTranspose2d(4, 6, 3, stride=2)(_image(2, 4, 5, 5)),
}


def _counted(events: Any) -> float:
    total = 0.0
    for event in events:
        total += operators.of_product(event.name, event.input_shapes)
        if event.name in ("aten::convolution", "aten::convolution_backward"):
            total += operators.of_convolution(event.input_shapes, event.concrete_inputs)
    return total - sum(  # which came down to a product that is counted itself
        operators.of_product(event.name, event.input_shapes) for event in events if event.name == "aten::linear"
    )


@pytest.mark.parametrize("name", COMPUTATIONS)
def test_operations_are_those_that_torch_counts(name: str) -> None:
    with FlopCounterMode(display=False) as expected:
        COMPUTATIONS[name]().sum().backward()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as found:
        COMPUTATIONS[name]().sum().backward()
    assert _counted(found.events()) == expected.get_total_flops()


def test_of_a_grouped_convolution_each_pass_does_as_much() -> None:
    """Torch counts its gradient of the weights as if it had one group."""
    grouped = nn.Conv2d(4, 8, 3, groups=4)
    with FlopCounterMode(display=False) as forward:
        grouped(_image(2, 4, 9, 9))
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as found:
        grouped(_image(2, 4, 9, 9)).sum().backward()
    assert _counted(found.events()) == 3 * forward.get_total_flops()


def test_operators_are_summed_and_the_dearest_stands_first() -> None:
    calls = [Call("mm", 0.5, 100.0), Call("relu", 3.0, 0.0), Call("mm", 0.5, 300.0)]
    relu, mm = operators.dearest(calls, peak=800.0)
    assert (relu.name, relu.calls, relu.seconds, relu.of_peak) == ("relu", 1, 3.0, None)
    assert (mm.name, mm.calls, mm.share, mm.operations, mm.of_peak) == ("mm", 2, 0.25, 400.0, 0.5)
    assert operators.dearest([], peak=1.0) == ()


def test_operations_of_onnxruntimes_nodes() -> None:
    assert operators.of_node("Conv", [[2, 3, 8, 8], [16, 3, 3, 3]], [[2, 16, 6, 6]]) == 2 * 2 * 16 * 36 * 27
    assert operators.of_node("QGemm", [[64, 576], [], [], [10]], [[64, 10]]) == 2 * 64 * 10 * 576
    assert operators.of_node("QLinearConv", [[64, 8, 8, 1], [], []], [[64, 7, 7, 8]]) == 0, "its weights are packed"
    assert operators.of_node("Relu", [[2, 3]], [[2, 3]]) == 0


_LAYERS = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3, groups=2), nn.Flatten(), nn.Linear(8, 2))


def _events() -> list[Any]:
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as found:
        _LAYERS(torch.ones(1, 1, 6, 6)).sum().backward()
    return list(found.events() or ())


def _operations(events: list[Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for call in calls(events):
        found[call.name] = found.get(call.name, 0.0) + call.operations
    return {name: operations for name, operations in found.items() if operations}


def test_an_allocation_that_takes_long_has_no_operations() -> None:
    events = _events()
    for event in events:
        if "conv" not in event.name and not event.cpu_children:
            event.time_range.end += 1e6
    assert all("conv" in name or "mm" in name for name in _operations(events))


def test_a_product_is_counted_once() -> None:
    assert _operations(_events())["addmm"] == 2 * 8 * 2
