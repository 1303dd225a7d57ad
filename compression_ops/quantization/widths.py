"""What a method of quantization that chooses the bits of each layer's weights is given, and what it returns.

Such a method is a module of `compression_ops.quantization.methods`, or one of the user's own, whose parameters say
`chooses: ClassVar[bool] = True`, and that defines

    choose(spec, trials) -> ChosenWidths        (see `compression_ops.onnx_model.chosen_widths`)

One whose parameters say `times` chooses which layers run on integers, by the clock, and returns ChosenKernels (see
`compression_ops.onnx_model.layers.chosen_kernels`): what it chooses differs between machines.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compression_ops.spec import Spec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from compression_ops.onnx_model.chosen_widths import ChosenWidths
    from compression_ops.onnx_model.layers.chosen_kernels import ChosenKernels

    Chosen = ChosenWidths | ChosenKernels

WIDEST, WIDTHS = 8, (8, 4, 3, 2)  # each width but 8 and 4 has operators in the file that unpack it: few widths
_INT4, _BYTE = 4, 8


@dataclass(frozen=True)
class Tried:
    """A model that was built and run by onnxruntime: logits, float32 [N, classes], on the validation split."""

    logits: "NDArray[np.float32]"
    file_bytes: int


@dataclass(frozen=True)
class Trials:
    """The layers of one network, and any model of it.

    shapes        of the weights, by their names, in the order of computation
    run           (bits by name, whether rounding is learned and biases are corrected where the recipe asks for it) ->
                  the model that would be shipped, on the validation split
    labels        int64 [N], of that split
    float_logits  float32 [N, classes], of the float model
    int4          whether 4 bits are stored as ONNX's own type
    timed         (some models by the bits of their layers, 32 for one that stays float; batch size) -> float [models,
                  repetitions], the median microseconds of a call in each, all models in turn on one thread; infinite
                  of a model that onnxruntime runs otherwise than these bits say
    """

    shapes: Mapping[str, tuple[int, ...]]
    run: Callable[[Mapping[str, int], bool], Tried]
    labels: "NDArray[np.int64]"
    float_logits: "NDArray[np.float32]"
    int4: bool = True
    timed: "Callable[[Sequence[Mapping[str, int]], int], NDArray[np.float64]] | None" = None

    def stored_bytes(self, bits: Mapping[str, int]) -> int:
        """Of the weights of these layers: see `stored_bytes`."""
        return stored_bytes({name: math.prod(shape) for name, shape in self.shapes.items()}, bits, self.int4)


def chooses(method: Spec) -> bool:
    """Whether a method chooses the bits of each layer's weights."""
    return bool(getattr(method, "chooses", False))


def times(method: Spec) -> bool:
    """Whether what a method chooses depends on how fast this machine computes."""
    return chooses(method) and bool(getattr(method, "times", False))


def stored_bytes(weights: Mapping[str, int], bits: Mapping[str, int], int4: bool = True) -> int:
    """What so many weights a layer take in an ONNX file, with so many bits a weight (see `onnx_model.packed`)."""
    total = 0
    for width in set(bits.values()):
        counts = [count for name, count in weights.items() if bits[name] == width]
        if width == _BYTE:
            total += sum(counts)
        elif width == _INT4 and int4:
            total += sum(-(-count // 2) for count in counts)
        else:
            total += -(-sum(counts) // _BYTE) * width
    return total


def warnings(chosen: "Chosen") -> tuple[str, ...]:
    """Sentences that a user should read: on a bound that no model keeps, on a search that was cut short."""
    from compression_ops.onnx_model.layers.chosen_kernels import ChosenKernels

    if isinstance(chosen, ChosenKernels):
        cut = f"the search for layers on integers ended after {chosen.tried} models, as max_models asks; a larger one "
        return () if chosen.complete else (f"{cut}may find a faster choice",)
    told: list[str] = []
    lost = 100 * (chosen.float_validation_accuracy - chosen.chosen.validation_accuracy)
    if lost > chosen.max_accuracy_drop + 1e-9:
        told.append(
            f"no bits keep to max_accuracy_drop: 8 bits everywhere already lose {lost:.2f} points of validation "
            f"accuracy, where {chosen.max_accuracy_drop:g} may be lost; all weights have 8. A larger bound, or "
            "`rounding: adaround`, may give fewer"
        )
    if not chosen.complete:
        told.append(
            f"the search for bits ended after {chosen.models} models, as max_models asks; a larger one may find fewer "
            "bytes"
        )
    return tuple(told)
