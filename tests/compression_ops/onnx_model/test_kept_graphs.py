"""A graph that another process traced: the same bytes, and none of one that was damaged or is of another network."""

from collections import OrderedDict
from pathlib import Path

import onnx
import pytest
import torch

from compression_ops.models.network import Network, build, save
from compression_ops.onnx_model import export
from compression_ops.onnx_model.kept_graphs import file as graph_file
from compression_ops.onnx_model.kept_graphs.place import keeping
from compression_ops.onnx_model.template import Template
from tests.compression_ops.onnx_model.test_template import scrambled

NETWORK = Network("tiny_cnn", (1, 8, 8), 10)


def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process begins that has exported nothing."""
    for name in ("_templates", "_cache"):
        monkeypatch.setattr(export, name, OrderedDict())


@pytest.fixture
def student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network that this process has not exported, as far as it remembers."""
    _forget(monkeypatch)
    return _saved(tmp_path / "student", 1)


def _saved(folder: Path, seed: int, network: Network = NETWORK) -> Path:
    folder.mkdir()
    save(folder, network, scrambled(build(network), seed))
    return folder


def test_another_process_traces_nothing_and_exports_the_same_bytes(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with keeping(lambda network: tmp_path / "kept"):
        export.export_saved(_saved(tmp_path / "first", 2))
    assert (tmp_path / "kept").stat().st_size < 10_000, "without its weights"
    expected = export.export(scrambled(build(NETWORK), 1), NETWORK.input_shape)
    _forget(monkeypatch)
    monkeypatch.setattr(export, "_traced", None)
    with keeping(lambda network: tmp_path / "kept"):
        assert export.export_saved(student) == expected


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0{}"])
def test_what_was_damaged_is_traced_again_and_kept(content: bytes, student: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(content)
    assert graph_file.read(kept) is None
    with keeping(lambda network: kept):
        found = export.export_saved(student)
    assert found == export.export(scrambled(build(NETWORK), 1), NETWORK.input_shape)
    assert graph_file.read(kept) is not None


def test_the_graph_of_another_network_serves_nobody(student: Path, tmp_path: Path) -> None:
    other = Network("simple_cnn", NETWORK.input_shape, 10)
    with keeping(lambda network: tmp_path / "kept"):
        export.export_saved(_saved(tmp_path / "other", 1, other))
        assert (tmp_path / "kept").exists()
        found = export.export_saved(student)
    assert found == export.export(scrambled(build(NETWORK), 1), NETWORK.input_shape)


def test_where_nothing_can_be_written_nothing_is_kept(student: Path) -> None:
    with keeping(lambda network: Path("/proc/nowhere/kept")):
        found = export.export_saved(student)
    assert found == export.export(scrambled(build(NETWORK), 1), NETWORK.input_shape)


@pytest.mark.parametrize(
    "buffer", [torch.zeros(2, dtype=torch.complex128), torch.eye(2).to_sparse(), torch.zeros(2, device="meta")]
)
def test_of_buffers_that_no_file_holds_nothing_is_kept(buffer: torch.Tensor, tmp_path: Path) -> None:
    graph_file.write(Template(onnx.ModelProto(), {}, {"buffer": buffer}), tmp_path / "kept")
    assert [*tmp_path.iterdir()] == []


def test_what_one_user_of_a_home_keeps_others_read(student: Path, tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with keeping(lambda network: tmp_path / "kept"):
        export.export_saved(student)
    assert (tmp_path / "kept").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_no_bit_of_a_graph_can_flip_unseen(student: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with keeping(lambda network: kept):
        export.export_saved(student)
    content, whole = kept.read_bytes(), graph_file.read(kept)
    assert whole is not None
    read = 0
    for place in range(0, len(content), max(1, len(content) // 200)):
        kept.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        found = graph_file.read(kept)
        assert found is None or (found.model, found.parameters) == (whole.model, whole.parameters)
        read += found is not None
    assert read < 20, "only buffers, which the network's own are compared with, and what no reader looks at"
