"""A program while it is made, and what the names of an ONNX graph stand for meanwhile: bytes, and reals of bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compression_ops.c_code.inputs.taken import Taken
from compression_ops.c_code.program import Operation, Tensor
from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.onnx_model.constants import Constant

_ALLOWED = (
    "Conv, Gemm and MatMul with quantized weights, Add, Concat of channels, MaxPool, AveragePool, GlobalAveragePool, "
    "Flatten, Relu, Clip, LeakyRelu and Sigmoid, and of texts a Gather of a table's rows and a mean over their words"
)


@dataclass(frozen=True)
class Integers:
    """The bytes of a tensor.

    flat       its axes are one, in ONNX's order, channels first
    by_place   its axes are (places, channels), as the rows of words are
    """

    tensor: int
    flat: bool = False
    by_place: bool = False


@dataclass(frozen=True)
class Real:
    """A function of each byte of a tensor, or of each pixel.

    values  float32 [channels, 256], or [1, 256] for all channels
    plain   they are what the integers of the tensor stand for
    """

    tensor: int
    values: NDArray[np.float32]
    plain: bool = False
    flat: bool = False
    by_place: bool = False


@dataclass(frozen=True)
class Weight:
    """Integers, each less its zero point, and what 1 stands for: scales float32 [] or along `axis`."""

    name: str
    integers: NDArray[np.int64]
    scales: NDArray[np.float32]
    axis: int
    bits: int


@dataclass(frozen=True)
class Pending:
    """A result that awaits its scale.

    finish  adds the operation, given what the result's integers shall be, without channels and size; its tensor
    logits  adds the operation as the last one; None where it cannot be
    """

    label: str
    finish: Callable[[float, int], int]
    logits: Callable[[], int] | None = None
    flat: bool = False
    by_place: bool = False


@dataclass(frozen=True)
class Ids:
    """The ids of a text's words, limited to low and high."""

    low: int
    high: int


@dataclass(frozen=True)
class OfCount:
    """A real by the number of a text's words: values float32 [words + 1], of 0, 1, … of them."""

    values: NDArray[np.float32]


Value = Integers | Real | Weight | Pending | Ids | OfCount


@dataclass
class Building:
    """model         what errors name: the file
    weight_names  by the name of a tensor that stands for a weight, the weight's
    taken         what the C function takes, once that is known
    """

    model: str
    description: Description
    constants: Mapping[str, Constant]
    weight_names: Mapping[str, str]
    operations: list[Operation] = field(default_factory=list[Operation])
    tensors: list[Tensor] = field(default_factory=list[Tensor])
    taken: Taken | None = None

    def array(self, name: str, label: str) -> NDArray[np.generic]:
        """A constant by its name. Raises ModelError where it is none."""
        if name not in self.constants:
            raise refused(self, label, f"computes its {name!r}; allowed is a constant")
        return self.constants[name].array

    def tensor(self, tensor: Tensor) -> int:
        """Its index from now on."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def add(self, operation: Operation) -> None:
        """The next one."""
        self.operations.append(operation)


def refused(building: Building, label: str, why: str) -> ModelError:
    """What is said of a node that has no integer form."""
    return ModelError(
        f"{building.model}: {label} {why}. Allowed in C are, between quantized tensors of at most 8 bits: {_ALLOWED}. "
        f"Change the network, or its quantization, so that nothing else is left between its "
        f"{building.description.modality.input_name} and its logits; or take the targets onnx, ort_mobile or openvino"
    )


def dequantized(scale: float, zero_point: int) -> NDArray[np.float32]:
    """float32 [1, 256]: what each byte stands for, as DequantizeLinear computes it."""
    return ((np.arange(256) - zero_point).astype(np.float32) * np.float32(scale))[None]


def quantized(values: NDArray[np.float32], scale: float, zero_point: int) -> NDArray[np.uint8]:
    """The bytes of reals, as QuantizeLinear computes them: ties to even."""
    return np.clip(np.rint(values / np.float32(scale)) + zero_point, 0, 255).astype(np.uint8)
