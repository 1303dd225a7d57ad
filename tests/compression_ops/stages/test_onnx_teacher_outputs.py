"""A teacher that is an ONNX file is asked what its outputs are before anybody learns from it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from compression_ops.data.dataset import load_description, load_split
from compression_ops.errors import ModelError
from compression_ops.models.inference import logits
from compression_ops.models.network import load
from compression_ops.onnx_model.export import export
from compression_ops.stages import teacher
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import small_data

Change = Callable[[onnx.GraphProto], None]


def _run(model: onnx.ModelProto, folder: Path) -> StageResult:
    dataset, output = small_data.artifact(folder / "dataset"), folder / "out"
    output.mkdir()
    (folder / "w.onnx").write_bytes(model.SerializeToString())
    parameters = teacher.Teacher.model_validate({"architecture": "onnx", "epochs": 0})
    return teacher.run(parameters, {"dataset": dataset, teacher.TRAINED: folder / "w.onnx"}, Context(output))


def _model(
    *nodes: tuple[str, list[str], dict[str, object]], constants: dict[str, np.ndarray] | None = None
) -> onnx.ModelProto:
    """A network whose logits go through further nodes, each one's output the next one's first input."""
    torch.manual_seed(3)
    model = export(small_data.network(small_data.SHAPE, small_data.CLASSES).eval(), small_data.SHAPE)
    name = model.graph.output[0].name
    for number, (operator, others, attributes) in enumerate(nodes):
        model.graph.node.append(helper.make_node(operator, [name, *others], [f"end{number}"], **attributes))
        name = f"end{number}"
    model.graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in (constants or {}).items())
    model.graph.output[0].name = name
    return model


_SOFTMAX = ("Softmax", list[str](), {"axis": 1})


@pytest.mark.parametrize(
    "nodes",
    [
        (_SOFTMAX,),
        (_SOFTMAX, ("Identity", [], {})),
        (("Identity", [], {}), _SOFTMAX, ("Identity", [], {})),
        (_SOFTMAX, _SOFTMAX),
    ],
)
def test_every_softmax_at_its_end_is_left_out_and_told(
    nodes: tuple[tuple[str, list[str], dict[str, object]], ...], tmp_path: Path
) -> None:
    plain = _run(_model(), _folder(tmp_path / "plain"))
    found = _run(_model(*nodes), _folder(tmp_path / "softmax"))
    assert "ends in a softmax" in found.warnings[0]
    assert found.metrics["validation_loss"] == pytest.approx(plain.metrics["validation_loss"])


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


_DROP = {"half": np.float32(0.5), "training": np.array(True)}
_CLIP = {"low": np.float32(0), "high": np.float32(1)}


@pytest.mark.parametrize(
    ("nodes", "constants", "words"),
    [
        ((_SOFTMAX, ("Clip", ["low", "high"], {})), _CLIP, "outputs are probabilities"),
        ((_SOFTMAX, ("Flatten", [], {})), {}, "outputs are probabilities"),
        ((("Softmax", [], {"axis": 0}),), {}, "other logits when it stands in a batch"),
        ((("Mul", ["nan"], {}),), {"nan": np.float32("nan")}, "not finite with its trained weights"),
        ((("Dropout", ["half", "training"], {}),), _DROP, "other outputs for the same samples"),
    ],
)  # fmt: skip
def test_outputs_that_are_no_logits_are_refused(
    nodes: tuple[tuple[str, list[str], dict[str, object]], ...],
    constants: dict[str, np.ndarray],
    words: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelError, match=words):
        _run(_model(*nodes, constants=constants), tmp_path)


def test_a_sigmoid_is_told(tmp_path: Path) -> None:
    assert "as after a sigmoid" in _run(_model(("Sigmoid", [], {})), tmp_path).warnings[0]


def test_weights_in_a_file_beside_it_are_refused_with_the_line_that_joins_them(tmp_path: Path) -> None:
    model = _model()
    for tensor in model.graph.initializer:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="w.onnx.data")
        tensor.ClearField("raw_data")
    with pytest.raises(ModelError, match="keeps its weights in a file beside it") as caught:
        _run(model, tmp_path)
    assert "python -c" in str(caught.value)


def test_a_network_of_torch_that_is_taken_as_it_is_is_asked_too(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    dataset, output = small_data.artifact(tmp_path / "dataset"), tmp_path / "out"
    output.mkdir()
    state = small_data.network(small_data.SHAPE, small_data.CLASSES).state_dict()
    save_file(
        {name: value * (torch.inf if value.dim() == 2 else 1) for name, value in state.items()},
        tmp_path / "w.safetensors",
    )
    parameters = teacher.Teacher.model_validate(
        {"architecture": "tests.compression_ops.small_data:network", "epochs": 0}
    )
    with pytest.raises(ModelError, match="not finite with its trained weights"):
        teacher.run(parameters, {"dataset": dataset, teacher.TRAINED: tmp_path / "w.safetensors"}, Context(output))


class _Probabilities(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images).softmax(dim=1)


def test_a_softmax_in_an_older_opset_is_left_out(tmp_path: Path) -> None:
    """In an older opset, and with the batch size that it was exported with."""
    torch.manual_seed(3)
    model = small_data.network(small_data.SHAPE, small_data.CLASSES).eval()
    sample = torch.zeros(1, *small_data.SHAPE)
    torch.onnx.export(_Probabilities(model).eval(), (sample,), str(tmp_path / "w.onnx"), opset_version=13, dynamo=False)
    result = _run(onnx.load(tmp_path / "w.onnx"), _folder(tmp_path / "run"))
    assert "ends in a softmax" in result.warnings[0]
    images = load_split(tmp_path / "run" / "dataset", "validation").samples
    description = load_description(tmp_path / "run" / "dataset")
    found = logits(load(tmp_path / "run" / "out"), images, description)
    torch.testing.assert_close(found, logits(model, images, description), rtol=1e-4, atol=1e-4)
