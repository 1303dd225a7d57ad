"""Fetching public data sets, from a server on the loopback."""

import functools
import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from torchvision import datasets

from compression_ops.data.download import RemoteFile, fetch
from compression_ops.data.sources import cifar10, fashion_mnist, mnist
from compression_ops.errors import DataError
from compression_ops.progress import Progress, silent

_NOWHERE = "http://127.0.0.1:9/"  # the discard port: nothing listens


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SimpleNamespace]:
    folder = tmp_path / "served"
    folder.mkdir()
    http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    thread = Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    yield SimpleNamespace(folder=folder, url=f"http://127.0.0.1:{http.server_address[1]}/")
    http.shutdown()
    thread.join()
    http.server_close()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _remote(server: SimpleNamespace, name: str, content: bytes, md5: str | None = None) -> RemoteFile:
    (server.folder / name).write_bytes(content)
    return RemoteFile(name, md5 or _md5(content), (server.url + name,))


def test_files_are_fetched_and_progress_is_told(server: SimpleNamespace, tmp_path: Path) -> None:
    told: list[Progress] = []
    remote = [_remote(server, "a", b"first"), _remote(server, "b", b"second")]
    paths = fetch(remote, tmp_path / "data", "cure", told.append)
    assert [path.read_bytes() for path in paths] == [b"first", b"second"]
    assert [(step.done, step.total) for step in told] == [(0, 2), (1, 2), (2, 2)]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["a", "b"]


def test_the_next_url_is_tried_where_one_fails(server: SimpleNamespace, tmp_path: Path) -> None:
    remote = _remote(server, "a", b"content")
    remote = RemoteFile("a", remote.md5, (_NOWHERE + "a", server.url + "missing", *remote.urls))
    assert fetch([remote], tmp_path / "data", "cure", silent)[0].read_bytes() == b"content"


def test_a_file_of_wrong_content_is_not_kept(server: SimpleNamespace, tmp_path: Path) -> None:
    remote = _remote(server, "a", b"a page of the hotel's network", md5=_md5(b"data"))
    with pytest.raises(DataError, match=r"a could not be downloaded \(http.*corrupted.*\)\. The cure\."):
        fetch([remote], tmp_path / "data", "The cure.", silent)
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_what_is_there_is_not_fetched_again(server: SimpleNamespace, tmp_path: Path) -> None:
    present = RemoteFile("a", _md5(b"old"), (_NOWHERE + "a",))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"old")
    remote = _remote(server, "b", b"new")
    assert [path.read_bytes() for path in fetch([present, remote], tmp_path / "data", "cure", silent)] == [
        b"old",
        b"new",
    ]


@pytest.mark.parametrize(("source", "name"), [(mnist, "MNIST"), (fashion_mnist, "FashionMNIST")])
def test_without_a_network_the_error_names_both_cures(
    source: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getattr(datasets, name), "mirrors", [_NOWHERE])
    with pytest.raises(DataError) as caught:
        source.download(None, tmp_path, silent)  # pyright: ignore
    message = str(caught.value)
    assert "connect to the network" in message
    assert f"into the folder {name}/raw under the folder that COMPRESSION_DATA names" in message
    assert "t10k-labels-idx1-ubyte.gz" in message


def test_mnist_is_fetched_where_it_is_then_found(
    server: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {
        "train-images-idx3-ubyte.gz": bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(784),
        "train-labels-idx1-ubyte.gz": bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]),
        "t10k-images-idx3-ubyte.gz": bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(784),
        "t10k-labels-idx1-ubyte.gz": bytes([0, 0, 8, 1, 0, 0, 0, 1, 3]),
    }
    remote = [_remote(server, name, gzip.compress(content)) for name, content in contents.items()]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server.url])
    monkeypatch.setattr(datasets.MNIST, "resources", [(file.name, file.md5) for file in remote])
    spec = mnist.MNIST(source="mnist")
    root = mnist.download(spec, tmp_path / "home", silent)
    assert root == mnist.locate(spec, [tmp_path / "home"])
    assert mnist.read(spec, root).train.labels.tolist() == [7]


def _archive(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for label, name in enumerate(names):
            content = bytes([label]) + bytes(3072)
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


_BATCHES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


def test_cifar10_is_fetched_and_unpacked_where_it_is_then_found(
    server: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _remote(server, "cifar-10-binary.tar.gz", _archive([*_BATCHES, "readme.html"]))
    monkeypatch.setattr(cifar10, "_ARCHIVE", archive)
    spec = cifar10.CIFAR10(source="cifar10")
    root = cifar10.download(spec, tmp_path / "home", silent)
    assert root == cifar10.locate(spec, [tmp_path / "home"])
    assert cifar10.read(spec, root).train.labels.tolist() == [0, 1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["cifar-10-batches-bin"]


@pytest.mark.parametrize(
    "content",
    [b"no archive", _archive(_BATCHES[:3]), _archive(_BATCHES)[:100]],
    ids=["no archive", "three batches", "cut short"],
)
def test_an_archive_that_is_not_cifar10_is_refused(
    content: bytes, server: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "_ARCHIVE", _remote(server, "cifar-10-binary.tar.gz", content))
    spec = cifar10.CIFAR10(source="cifar10")
    with pytest.raises(DataError, match="not the archive of CIFAR-10's binary version"):
        cifar10.download(spec, tmp_path / "home", silent)
    assert cifar10.locate(spec, [tmp_path / "home"]) is None


def test_cifar10_without_a_network_names_both_cures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "_ARCHIVE", RemoteFile("cifar-10-binary.tar.gz", "0" * 32, (_NOWHERE,)))
    with pytest.raises(DataError, match=r"connect to the network, or unpack cifar-10-binary.*COMPRESSION_DATA"):
        cifar10.download(cifar10.CIFAR10(source="cifar10"), tmp_path, silent)
