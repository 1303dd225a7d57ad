"""An export computes what the network does, and its bytes depend on nothing else."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from compression_ops.errors import ModelError
from compression_ops.models.network import Network, save
from compression_ops.onnx_model import export as onnx_export
from compression_ops.onnx_model import session as onnx_session
from tests.compression_ops import random_networks
from tests.compression_ops.random_networks import SHAPE

REPOSITORY = Path(__file__).resolve().parents[3]


def serialized(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_export_gives_the_logits_of_the_network_at_any_batch_size(batch: int) -> None:
    session = onnx_session.open_session(serialized(random_networks.exported()))
    inputs = random_networks.images(batch)
    with torch.no_grad():
        expected = random_networks.small()(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(onnx_session.predict(session, inputs), expected, rtol=1e-4, atol=1e-5)


def test_input_and_output_have_fixed_names_and_a_free_batch() -> None:
    graph = random_networks.exported().graph
    for value, name, shape in ((graph.input[0], "input", [1, 12, 12]), (graph.output[0], "logits", [5])):
        assert value.name == name
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
        assert [dim.dim_value for dim in value.type.tensor_type.shape.dim[1:]] == shape


def test_batch_norm_is_folded_and_averaging_has_an_integer_kernel() -> None:
    operators = [node.op_type for node in random_networks.exported().graph.node]
    assert "BatchNormalization" not in operators
    assert "GlobalAveragePool" in operators
    assert "ReduceMean" not in operators
    assert "Flatten" in operators


def test_the_file_holds_weights_and_little_else() -> None:
    model = random_networks.exported()
    weights = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    assert len(serialized(model)) - weights < 1500
    assert not model.metadata_props
    assert not model.graph.value_info
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)


@pytest.mark.slow
def test_bytes_are_the_same_in_another_process_folder_and_hash_seed(tmp_path: Path) -> None:
    script = (
        "import hashlib; from tests.compression_ops import random_networks as r;"
        "print(hashlib.sha256(r.exported().SerializeToString(deterministic=True)).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": "77"}
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == hashlib.sha256(serialized(random_networks.exported())).hexdigest()
    assert finished.stderr == ""


def test_the_network_is_left_as_it_was() -> None:
    model = random_networks.small().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    onnx_export.export(model, SHAPE)
    assert model.training
    assert isinstance(model.norm, nn.BatchNorm2d)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class Branches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) if x.sum() > 0 else -x.flatten(1)


def test_a_network_that_cannot_be_traced_is_refused_in_a_few_lines() -> None:
    with pytest.raises(ModelError, match=r"Branches could not be exported.*control flow") as caught:
        onnx_export.export(Branches(), SHAPE)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("model", "message"),
    [(nn.Identity(), "instead of one float32 tensor"), (nn.Flatten(0), "instead of one float32 tensor")],
)
def test_a_network_that_does_not_return_rows_of_logits_is_refused(model: nn.Module, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        onnx_export.export(model, SHAPE)


class MixesSamples(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(0, keepdim=True).flatten(1)


def test_a_network_that_mixes_samples_is_refused() -> None:
    with pytest.raises(ModelError, match="one row of logits a sample"):
        onnx_export.export(MixesSamples(), SHAPE)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one at each export; the memory of earlier tests is empty."""
    calls: list[int] = []
    exported = random_networks.exported().SerializeToString()
    monkeypatch.setattr(onnx_export, "_cache", type(onnx_export._cache)())

    def export(model: nn.Module, network: Network) -> onnx.ModelProto:
        calls.append(1)
        model_proto = onnx.ModelProto.FromString(exported)
        model_proto.producer_version = str(next(model.parameters()).sum().item())
        return model_proto

    monkeypatch.setattr(onnx_export, "_of_template", export)
    return calls


def saved(folder: Path, weight: float) -> Path:
    folder.mkdir()
    network = Network("tests.compression_ops.onnx_model.test_export:build", SHAPE, 2)
    model = build(SHAPE, 2)
    nn.init.constant_(next(model.parameters()), weight)
    save(folder, network, model)
    return folder


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(144, classes, bias=False))


def test_the_same_weights_are_exported_once_a_process(tmp_path: Path, counted: list[int]) -> None:
    first = onnx_export.export_saved(saved(tmp_path / "a", 1.0))
    expected = serialized(first)
    first.graph.ClearField("node")
    assert serialized(onnx_export.export_saved(saved(tmp_path / "b", 1.0))) == expected
    assert len(counted) == 1


def test_other_weights_are_exported_anew(tmp_path: Path, counted: list[int]) -> None:
    one, two = (onnx_export.export_saved(saved(tmp_path / str(weight), weight)) for weight in (1.0, 2.0))
    assert one.producer_version != two.producer_version
    assert len(counted) == 2


def test_exports_beyond_the_memory_limit_are_forgotten(
    tmp_path: Path, counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "_CACHE_BYTES", int(1.5 * len(serialized(random_networks.exported()))))
    folders = [saved(tmp_path / str(weight), weight) for weight in (1.0, 2.0)]
    for folder in (*folders, folders[1], folders[0]):
        onnx_export.export_saved(folder)
    assert len(counted) == 3


def test_the_digest_of_an_export_is_that_of_its_content() -> None:
    """Two exports in one process, of equal networks, are equal to the last byte."""
    assert serialized(onnx_export.export(random_networks.small(), SHAPE)) == serialized(random_networks.exported())
