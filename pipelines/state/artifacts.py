"""The artifact store: content-addressed, immutable, written at once or not at all, verified when read.

An artifact is a folder of files with a manifest that names each file's SHA-256 and its *content* digest (of tensors,
not of layout; none for files that differ between identical runs). The artifact's id is the SHA-256 of the manifest,
so the store verifies itself; its content digest is what downstream assets and Dagster see.
"""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compression_ops.errors import CompressionError
from pipelines.graph import digests
from pipelines.state import atomic, filesystem, manifest, scratch
from pipelines.state.home import public

ID = re.compile("[0-9a-f]{64}")


class ArtifactUnavailable(CompressionError):
    """An artifact that is missing from the store or whose bytes are not those that were written."""


@dataclass(frozen=True)
class Artifact:
    """An artifact's id (its address in the store) and content digest."""

    id: str
    digest: str


class ArtifactStore:
    """Artifacts under one fsspec URL; a plain path is a local folder.

    A remote store keeps the files that were read in `cache`, where each read verifies them again.
    """

    def __init__(self, url: str, cache: Path) -> None:
        self._fs, self._root, self._is_local = filesystem.opened(url)
        self._cache = cache

    def require(self) -> None:
        """Raise StoreUnavailable or StoreRefused if a remote store cannot be written, before anything is computed."""
        if not self._is_local:
            self.write_json("written.json", {})

    def put(self, folder: Path, volatile: frozenset[str] = frozenset()) -> Artifact:
        """Store a folder's files (no sub-folders). Files named in `volatile` stay out of the content digest.

        On a local store's own disk the files themselves are taken, not copied: they are not to be written afterwards.
        """
        described = _manifest(folder, volatile)
        if not described:
            raise CompressionError(f"{folder} is empty: there is nothing to store")
        artifact = _identify(described)
        if not self._is_whole(artifact.id):
            (folder / manifest.NAME).write_text(json.dumps(described, sort_keys=True, indent=1) + "\n")
            self._write(folder, artifact.id)
        return artifact

    def identify(self, folder: Path, volatile: frozenset[str] = frozenset()) -> Artifact:
        """The artifact that a folder would be, without storing it."""
        return _identify(_manifest(folder, volatile))

    def contains(self, artifact_id: str) -> bool:
        """Whether an artifact was written whole; its bytes are verified only when it is read."""
        return bool(self._fs.exists(f"{self._path(artifact_id)}/{manifest.NAME}"))

    def _is_whole(self, artifact_id: str) -> bool:
        """Whether an artifact is there; a local one that is damaged is dropped, so that it is written anew."""
        if not self.contains(artifact_id):
            return False
        if self._is_local and manifest.fault(Path(self._path(artifact_id)), artifact_id):
            self.drop(artifact_id)
            return False
        return True

    def looks_whole(self, artifact_id: str) -> bool:
        """As `contains`; of a local store also whether each file is there in its size. Reads no file's content."""
        if not self.contains(artifact_id):
            return False
        return not self._is_local or manifest.missing(Path(self._path(artifact_id)), artifact_id) is None

    def find(self, artifact_id: str | None) -> Path | None:
        """As `fetch`; None for one that is missing or damaged, and for none."""
        try:
            return None if artifact_id is None else self.fetch(artifact_id)
        except ArtifactUnavailable:
            return None

    def fetch(self, artifact_id: str) -> Path:
        """A local, read-only folder with the artifact's verified files.

        Raises ArtifactUnavailable if it is missing, or damaged (it is then dropped, so that it is never served);
        CompressionError if whoever asks may not read it.
        """
        if not self.contains(artifact_id):
            raise ArtifactUnavailable(f"artifact {artifact_id[:12]} is missing from {public(self._root)}")
        if not self._is_local:
            return self._cached(artifact_id)
        folder = Path(self._path(artifact_id))
        self._require_whole(folder, artifact_id)
        return folder

    def _require_whole(self, folder: Path, artifact_id: str) -> None:
        """Raise ArtifactUnavailable if the files of the store, or those that just came from it, are damaged."""
        if fault := manifest.fault(folder, artifact_id):
            raise ArtifactUnavailable(f"artifact {artifact_id[:12]} was damaged ({fault}) and {self._end(artifact_id)}")

    def _end(self, artifact_id: str) -> str:
        """What became of a damaged artifact."""
        try:
            self.drop(artifact_id)
        except OSError as error:  # a home that is only read
            return f"cannot be removed: {error.strerror}"
        return "has been dropped"

    def drop(self, artifact_id: str) -> None:
        """Remove an artifact, so that it is never seen half: at once, or its manifest first."""
        path = self._path(artifact_id)
        if self._is_local:
            atomic.remove(Path(path))
            return
        if self._fs.exists(f"{path}/{manifest.NAME}"):
            self._fs.rm_file(f"{path}/{manifest.NAME}")
        if self._fs.exists(path):
            self._fs.rm(path, recursive=True)
        shutil.rmtree(self._cache / artifact_id, ignore_errors=True)

    def ids(self) -> Iterator[str]:
        """The ids of all artifacts in the store."""
        for path in self._fs.glob(f"{self._root}/artifacts/*/*"):
            name = path.rstrip("/").rsplit("/", 1)[1]
            if ID.fullmatch(name):
                yield name

    def size(self, artifact_id: str) -> int:
        """Bytes that an artifact takes; none of one that another process removes."""
        try:
            return int(self._fs.du(self._path(artifact_id)))
        except FileNotFoundError:
            return 0

    def age(self, artifact_id: str) -> float:
        """Seconds since an artifact was written; of a half-written one, since its newest file was. 0 if it is gone."""
        path = self._path(artifact_id)
        try:
            names = [f"{path}/{manifest.NAME}"] if self.contains(artifact_id) else self._fs.ls(path, detail=False)
            times = [self._fs.modified(name).timestamp() for name in names]
        except FileNotFoundError:  # another process removes it
            return 0.0
        return time.time() - max(times, default=0.0)

    def sweep(self, older_than: float) -> None:
        """Remove what killed writers left in a local store, or readers in the cache of a remote one, if it is older
        than so many seconds. What is half written in a remote one is an artifact without a manifest.
        """
        left = Path(self._root).glob("a*/*/.*") if self._is_local else self._cache.glob(".*")
        for path in left:
            with suppress(FileNotFoundError):  # its writer is alive and has renamed it
                if time.time() - last_written(path) > older_than:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def read_json(self, name: str) -> Any | None:
        """A small JSON file of the store (`actions/...`); None if it is not there or not whole."""
        try:
            return json.loads(self._fs.cat_file(f"{self._root}/{name}"))
        except (FileNotFoundError, ValueError, RecursionError):
            return None

    def write_json(self, name: str, value: Any) -> None:
        """Write a small JSON file at once."""
        path = f"{self._root}/{name}"
        data = json.dumps(value, indent=1).encode()
        self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        if self._is_local:
            atomic.write(Path(path), data)
        else:
            self._fs.pipe_file(path, data)

    def list_json(self, folder: str) -> list[str]:
        """Names of the JSON files under a folder of the store."""
        found = self._fs.glob(f"{self._root}/{folder}/*/*.json")
        return [path[len(self._root) + 1 :] for path in found]

    def size_of_json(self, name: str) -> int:
        """Bytes of one JSON file of the store; none of one that is gone."""
        try:
            return int(self._fs.size(f"{self._root}/{name}") or 0)
        except FileNotFoundError:
            return 0

    def remove_json(self, name: str) -> None:
        """Remove one JSON file of the store, if it is there."""
        if self._fs.exists(f"{self._root}/{name}"):
            with suppress(FileNotFoundError):  # another process was first
                self._fs.rm_file(f"{self._root}/{name}")

    def _path(self, artifact_id: str) -> str:
        return f"{self._root}/artifacts/{artifact_id[:2]}/{artifact_id}"

    def _write(self, folder: Path, artifact_id: str) -> None:
        target = self._path(artifact_id)
        self._fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        if self._is_local:
            atomic.take(folder, Path(target), manifest.NAME)
            return
        for path in sorted(folder.iterdir(), key=lambda path: path.name == manifest.NAME):
            self._fs.put_file(str(path), f"{target}/{path.name}")  # the manifest last: it says that all is there

    def _cached(self, artifact_id: str) -> Path:
        """The verified files in the cache. What is wrong with them says nothing of the store's, so it is these alone
        that are replaced, by one process at a time; what others still read goes on under another name.
        """
        folder = self._cache / artifact_id
        if folder.exists() and not manifest.fault(folder, artifact_id):
            return folder
        self._cache.mkdir(parents=True, exist_ok=True)
        with scratch.turn(self._cache.with_name("reading"), artifact_id, lambda: None):
            if not folder.exists() or manifest.fault(folder, artifact_id):
                self._download(artifact_id, folder)
        return folder

    def _download(self, artifact_id: str, folder: Path) -> None:
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
        try:
            for path in self._fs.ls(self._path(artifact_id), detail=False):
                self._fs.get_file(path, str(temporary / path.rsplit("/", 1)[1]))
            self._require_whole(temporary, artifact_id)
            atomic.remove(folder)
            temporary.rename(folder)
        except FileNotFoundError as error:  # somebody drops it
            raise ArtifactUnavailable(f"artifact {artifact_id[:12]} is missing from {public(self._root)}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def last_written(path: Path) -> float:
    """When a file, or anything in a folder, was written last, in seconds since 1970. Raises FileNotFoundError."""
    return max(found.stat().st_mtime for found in (path, *path.rglob("*")))


def _manifest(folder: Path, volatile: frozenset[str]) -> dict[str, Any]:
    paths = sorted(folder.iterdir())
    with ThreadPoolExecutor(2) as pool:  # both read all of a large file; hashing does not hold the interpreter
        files = [pool.submit(digests.of_file, path) for path in paths]
        contents = [None if path.name in volatile else pool.submit(digests.of_content, path) for path in paths]
        return {
            path.name: {
                "sha256": file.result(),
                "bytes": path.stat().st_size,
                "content": content and content.result(),
            }
            for path, file, content in zip(paths, files, contents, strict=True)
        }


def _identify(described: dict[str, Any]) -> Artifact:
    content = {name: entry["content"] for name, entry in described.items() if entry["content"]}
    return Artifact(digests.of_value(described), digests.of_value(content))
