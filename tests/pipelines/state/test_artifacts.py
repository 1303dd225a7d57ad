"""The artifact store: content-addressed, all or nothing, verified when read, the same on any fsspec URL."""

import errno
import hashlib
import json
import os
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest
from safetensors.numpy import save_file

from compression_ops.errors import CompressionError
from pipelines.graph import digests
from pipelines.state.artifacts import ArtifactStore, ArtifactUnavailable


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """One on a local folder, one on an fsspec URL that is not local."""
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}"
    return ArtifactStore(url, tmp_path / "cache")


def _folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / name.replace("_", ".")).write_text(text)
    return path


def test_what_was_put_is_fetched(store: ArtifactStore, tmp_path: Path) -> None:
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    assert (store.fetch(artifact.id) / "x.txt").read_text() == "hello"
    assert list(store.ids()) == [artifact.id]


def test_equal_content_has_one_address_and_other_content_another(store: ArtifactStore, tmp_path: Path) -> None:
    first = store.put(_folder(tmp_path / "a", x_txt="hello"))
    assert store.put(_folder(tmp_path / "b", x_txt="hello")) == first
    assert store.put(_folder(tmp_path / "c", x_txt="hallo")).digest != first.digest
    assert store.put(_folder(tmp_path / "d", y_txt="hello")).digest != first.digest


def test_volatile_files_stay_out_of_the_digest_but_are_kept(store: ArtifactStore, tmp_path: Path) -> None:
    volatile = frozenset({"time.txt"})
    first = store.put(_folder(tmp_path / "a", x_txt="same", time_txt="1 s"), volatile)
    second = store.put(_folder(tmp_path / "b", x_txt="same", time_txt="2 s"), volatile)
    assert first.digest == second.digest
    assert (store.fetch(first.id) / "time.txt").read_text() == "1 s"
    assert (store.fetch(second.id) / "time.txt").read_text() == "2 s"


def test_a_missing_artifact_is_told(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(ArtifactUnavailable, match="missing"):
        store.fetch("0" * 64)
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    assert store.find(artifact.id) == store.fetch(artifact.id)
    assert store.find("0" * 64) is None
    assert store.find(None) is None


def test_a_dropped_artifact_is_gone(store: ArtifactStore, tmp_path: Path) -> None:
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    store.fetch(artifact.id)
    store.drop(artifact.id)
    assert not store.contains(artifact.id)
    with pytest.raises(ArtifactUnavailable):
        store.fetch(artifact.id)


@pytest.mark.parametrize("damage", ["flip a byte", "truncate", "remove", "empty the manifest", "forge the manifest"])
def test_a_damaged_artifact_is_never_served(damage: str, tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    folder = store.fetch(artifact.id)
    match damage:
        case "flip a byte":
            (folder / "x.txt").write_text("hellp")
        case "truncate":
            (folder / "x.txt").write_text("hell")
        case "remove":
            (folder / "x.txt").unlink()
        case "empty the manifest":
            (folder / "manifest.json").write_text("")
        case _:
            manifest = json.loads((folder / "manifest.json").read_text())
            (folder / "x.txt").write_text("hellp")
            manifest["x.txt"]["sha256"] = digests.of_file(folder / "x.txt")
            (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactUnavailable, match="damaged"):
        store.fetch(artifact.id)
    assert not store.contains(artifact.id)


def test_a_damaged_cache_is_mended_and_costs_the_shared_store_nothing(tmp_path: Path) -> None:
    store = ArtifactStore(f"memory://{tmp_path.name}", tmp_path / "cache")
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    with ThreadPoolExecutor(4) as readers:
        for _ in range(25):
            (store.fetch(artifact.id) / "x.txt").write_text("hellp")
            found = list(readers.map(store.fetch, [artifact.id] * 4))
            assert {(folder / "x.txt").read_text() for folder in found} == {"hello"}


def test_another_reader_that_spoils_the_cache_after_the_download_costs_the_shared_store_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(f"memory://{tmp_path.name}", tmp_path / "cache")
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    rename = Path.rename

    def spoiled(path: Path, target: Path) -> None:
        rename(path, target)
        (target / "x.txt").write_text("hellp")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", spoiled)
        store.find(artifact.id)
    assert store.contains(artifact.id)
    assert (store.fetch(artifact.id) / "x.txt").read_text() == "hello"


def test_a_damaged_artifact_of_the_shared_store_is_never_served_nor_cached(tmp_path: Path) -> None:
    store = ArtifactStore(f"memory://{tmp_path.name}", tmp_path / "cache")
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    fsspec.filesystem("memory").pipe_file(f"/{tmp_path.name}/artifacts/{artifact.id[:2]}/{artifact.id}/x.txt", b"hellp")
    with pytest.raises(ArtifactUnavailable, match=r"x\.txt was changed.*dropped"):
        store.fetch(artifact.id)
    assert not store.contains(artifact.id)
    assert not (tmp_path / "cache" / artifact.id).exists()


def test_a_half_written_artifact_does_not_count_and_is_replaced(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    (store.fetch(artifact.id) / "manifest.json").unlink()
    assert not store.contains(artifact.id)
    assert store.put(_folder(tmp_path / "b", x_txt="hello")) == artifact
    assert (store.fetch(artifact.id) / "x.txt").read_text() == "hello"


def test_a_damaged_artifact_is_written_anew_when_it_is_put_again(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")
    artifact = store.put(_folder(tmp_path / "a", x_txt="hello"))
    (store.fetch(artifact.id) / "x.txt").write_text("hellp")
    assert store.put(_folder(tmp_path / "b", x_txt="hello")) == artifact
    assert (store.fetch(artifact.id) / "x.txt").read_text() == "hello"


def test_what_a_killed_writer_left_is_no_artifact_and_is_swept(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")
    left = tmp_path / "store" / "artifacts" / "ab" / ".0123"
    _folder(tmp_path / "x", y_txt="half")
    left.parent.mkdir(parents=True)
    (tmp_path / "x").rename(left)
    assert list(store.ids()) == []
    store.sweep(3600)
    assert left.exists()
    store.sweep(0)
    assert not left.exists()


def test_a_tensor_file_is_digested_by_its_tensors_not_its_layout(tmp_path: Path) -> None:
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, 2], dtype=np.uint8)}
    save_file(tensors, tmp_path / "plain.safetensors")
    save_file(dict(reversed(tensors.items())), tmp_path / "meta.safetensors", metadata={"made": "today"})
    assert digests.of_file(tmp_path / "plain.safetensors") != digests.of_file(tmp_path / "meta.safetensors")
    assert digests.of_content(tmp_path / "plain.safetensors") == digests.of_content(tmp_path / "meta.safetensors")


def test_shape_dtype_name_and_value_all_enter_a_tensor_files_digest(tmp_path: Path) -> None:
    base = np.zeros(4, dtype=np.float32)
    variants = [{"a": base}, {"b": base}, {"a": base.reshape(2, 2)}, {"a": base.view(np.int32)}, {"a": base + 1}]
    found = set()
    for number, tensors in enumerate(variants):
        save_file(tensors, tmp_path / f"{number}.safetensors")
        found.add(digests.of_content(tmp_path / f"{number}.safetensors"))
    assert len(found) == len(variants)


def test_a_truncated_tensor_file_is_an_error_not_a_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": np.zeros(100, dtype=np.float32)}, path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="shorter"):
        digests.of_content(path)
    assert struct.unpack("<Q", path.read_bytes()[:8])[0] > 0


def test_json_is_digested_by_its_value(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": 1, "y": [1, 2]}')
    (tmp_path / "b.json").write_text('{\n "y": [1,2],\n "x": 1\n}\n')
    assert digests.of_content(tmp_path / "a.json") == digests.of_content(tmp_path / "b.json")


def test_a_value_that_is_no_number_has_no_digest() -> None:
    with pytest.raises(ValueError, match="JSON"):
        digests.of_value({"x": float("nan")})


def test_a_file_is_taken_not_copied_where_store_and_folder_share_a_disk(tmp_path: Path) -> None:
    """Its inode is the same; where the disk knows no second names, the bytes are."""
    store = ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")
    folder = _folder(tmp_path / "a", x_txt="hello")
    artifact = store.put(folder)
    assert (store.fetch(artifact.id) / "x.txt").stat().st_ino == (folder / "x.txt").stat().st_ino


def test_a_full_disk_is_told_in_words_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store copies from another disk."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(CompressionError, match=r"No space left on device: .* MB are to be written.*gc"):
        store.put(_folder(tmp_path / "a", x_txt="hello"))
    assert [path for path in (tmp_path / "store").rglob("*") if not path.is_dir() or path.name.startswith(".")] == []


def test_a_files_name_that_is_no_utf8_has_a_digest_of_its_own() -> None:
    assert digests.of_value("caf\udce9") == hashlib.sha256(b'"caf\xed\xb3\xa9"').hexdigest()
