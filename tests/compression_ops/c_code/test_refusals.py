"""What has no integer form in C is refused in a sentence that names the node, what is allowed and what to do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from compression_ops.c_code import lowering, reference, source
from compression_ops.errors import ModelError
from compression_ops.onnx_model import metadata
from compression_ops.quantization.precision import Precision
from tests.compression_ops import linear_models
from tests.compression_ops.c_code import quantized

SHAPE = (1, 8, 8)


class Multiplied(nn.Module):
    """Two quantized tensors, multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate = nn.Conv2d(1, 8, 3), nn.Conv2d(1, 8, 3)
        self.head = nn.Linear(288, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head((self.first(x) * torch.sigmoid(self.gate(x))).flatten(1))


def convolutional(*more: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), *more, nn.Flatten(), nn.LazyLinear(5))


def initialized(module: nn.Module) -> nn.Module:
    module(torch.zeros(1, *SHAPE))
    return module


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (Multiplied, r"node \d+ \(Mul\) has no form in C"),
        (lambda: initialized(convolutional(nn.Softplus())), r"node \d+ \(Softplus\) has no form in C"),
        (
            lambda: initialized(convolutional(nn.AvgPool2d(3, stride=2, padding=1))),
            r"node \d+ \(AveragePool\) is an average with paddings",
        ),
        (lambda: initialized(convolutional(nn.MaxPool2d(4, ceil_mode=True))), r"\(MaxPool\) has a ceil_mode"),
        (
            lambda: nn.Sequential(initialized(convolutional()), nn.ReLU()),
            r"node \d+ \(Relu\) computes in float",
        ),
    ],
    ids=["product", "softplus", "padded mean", "ceil_mode", "relu of logits"],
)
def test_an_operator_that_c_does_not_have_is_refused_by_its_node(
    build: Callable[[], nn.Module], found: str, tmp_path: Path
) -> None:
    file = quantized.of_module(build, SHAPE, 5, tmp_path / "model.onnx")
    with pytest.raises(ModelError, match=found) as told:
        source.write(file, tmp_path)
    assert str(file) in str(told.value)
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx"}


def test_activations_of_16_bits_are_refused(tmp_path: Path) -> None:
    file = quantized.of_module(
        lambda: initialized(convolutional()), SHAPE, 5, tmp_path / "model.onnx", Precision(activation_bits=16)
    )
    with pytest.raises(ModelError, match="quantizes to uint16 with 1 scales; allowed are uint8"):
        lowering.lower(file)


def test_what_flattens_to_more_than_a_row_a_sample_is_refused(tmp_path: Path) -> None:
    file = quantized.of_module(lambda: initialized(convolutional()), SHAPE, 5, tmp_path / "model.onnx")
    model = onnx.load(file)
    flatten = next(node for node in model.graph.node if node.op_type == "Flatten")
    flatten.attribute.append(helper.make_attribute("axis", 2))
    onnx.save(model, file)
    with pytest.raises(ModelError, match=r"node \d+ \(Flatten\) is none to one row a sample"):
        lowering.lower(file)


@pytest.mark.parametrize(
    ("shape", "is_a_row"),
    [([-1, 288], True), ([0, -1], True), ([1, -1], True), ([-1, 36], False), ([8, -1], False), ([-1, 8, 36], False)],
)
def test_a_reshape_is_to_one_row_a_sample_or_refused(shape: list[int], is_a_row: bool, tmp_path: Path) -> None:
    file = quantized.of_module(lambda: initialized(convolutional()), SHAPE, 5, tmp_path / "model.onnx")
    model = onnx.load(file)
    flatten = next(node for node in model.graph.node if node.op_type == "Flatten")
    flatten.op_type = "Reshape"
    del flatten.attribute[:]
    flatten.input.append("row")
    model.graph.initializer.append(numpy_helper.from_array(np.array(shape), "row"))
    onnx.save(model, file)
    if is_a_row:
        lowering.lower(file)
        return
    with pytest.raises(ModelError, match=r"node \d+ \(Reshape\) is none to one row a sample"):
        lowering.lower(file)


def test_a_model_of_floats_is_refused_with_its_cure(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    model = linear_models.linear(linear_models.column_brightness(SHAPE, 4), SHAPE)
    metadata.describe(model, quantized.described(SHAPE, 4))
    onnx.save(model, file)
    with pytest.raises(ModelError, match=r"takes floats; allowed is a model that takes uint8 pixels.*Quantize it"):
        reference.Predictor(file)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such file"):
        lowering.lower(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no protobuf")
    with pytest.raises(ModelError, match=r"text\.onnx: cannot be read as ONNX"):
        lowering.lower(tmp_path / "text.onnx")


def test_a_bias_whose_sums_leave_32_bits_is_refused_by_its_layer(tmp_path: Path) -> None:
    file = quantized.of_module(lambda: initialized(convolutional()), SHAPE, 5, tmp_path / "model.onnx")
    model = onnx.load(file)
    name = next(node.input[2] for node in model.graph.node if node.op_type == "Conv")
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    bias.CopyFrom(numpy_helper.from_array(np.array([0] * 7 + [1e7], np.float32), bias.name))
    onnx.save(model, file)
    with pytest.raises(ModelError, match=r"\(Conv with 0\.weight\): the sum of its output 7 can reach [\d,]+, by"):
        source.write(file, tmp_path)


@pytest.mark.parametrize("name", ["Model", "9a", "a-b", "while", ""])
def test_a_name_that_is_none_in_c_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allowed are lower-case letters"):
        source.write(tmp_path / "model.onnx", tmp_path, name)


def test_images_of_another_shape_or_type_are_refused(tmp_path: Path) -> None:
    file = quantized.of_module(lambda: initialized(convolutional()), SHAPE, 5, tmp_path / "model.onnx")
    predictor = reference.Predictor(file)
    for images in (np.zeros((2, 1, 8, 9), np.uint8), np.zeros((2, 1, 8, 8), np.float32)):
        with pytest.raises(ValueError, match=r"allowed are uint8 \[N, 1, 8, 8\]"):
            predictor(images)
    assert predictor(np.zeros((0, 8, 8), np.uint8)).shape == (0, 5)
