"""Two models of one table whose data sets wrote the categories in other codes: each is asked in its own."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.data.modalities.table import Table
from compression_ops.errors import ModelError
from compression_ops.evaluation.comparison import comparison
from compression_ops.evaluation.comparison.comparison import Model
from compression_ops.evaluation.comparison.seen import seen
from compression_ops.onnx_model import raw_samples


def _description(*categories: str, column: str = "plan") -> Description:
    return Description(("no", "yes"), (1,), (0.0,), (1.0,), Table((column,), (categories,)))


def _model(folder: Path, description: Description, weights: list[list[float]]) -> Model:
    """Logits are a row of weights for each category: basic is no, pro is yes."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["input", "w"], ["logits"])],
        "g",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *description.input_shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(np.array(weights, np.float32), "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    folder.mkdir()
    onnx.save(raw_samples.normalizing(made, description), folder / "model.onnx")
    return Model(folder.name, folder, description)


def _data(folder: Path, description: Description, codes: list[float]) -> Path:
    folder.mkdir()
    labels = torch.tensor([0, 1] * (len(codes) // 2))
    for split in ("train", "validation", "test"):
        save_split(folder, split, Split(torch.tensor(codes).view(-1, 1), labels))
    save_description(folder, description)
    return folder


def test_each_model_is_asked_in_its_own_codes(tmp_path: Path) -> None:
    now, before = _description("basic", "pro"), _description("aaa", "basic", "pro")
    data = _data(tmp_path / "data", now, [1.0, 2.0] * 20)
    first = _model(tmp_path / "now", now, [[1, 0], [0, 1]])
    second = _model(tmp_path / "before", before, [[0, 0], [1, 0], [0, 1]])
    found = comparison.compare(first, second, data)
    assert (found.first.quality.accuracy.value, found.second.quality.accuracy.value) == (1.0, 1.0)
    assert found.flips == ()
    assert seen(data, _data(tmp_path / "old", before, [2.0, 3.0] * 20)) == 40, "the same rows in other codes"
    assert seen(data, _data(tmp_path / "others", before, [1.0, 1.0] * 20)) == 0


def test_a_model_of_other_columns_is_refused(tmp_path: Path) -> None:
    data = _data(tmp_path / "data", _description("basic", "pro"), [1.0, 2.0] * 2)
    first = _model(tmp_path / "now", _description("basic", "pro"), [[1, 0], [0, 1]])
    other = _model(tmp_path / "other", _description("basic", "pro", column="age"), [[1, 0], [0, 1]])
    with pytest.raises(ModelError, match=r"other cannot be asked about the recipe's data, since .*age"):
        comparison.compare(first, other, data)
