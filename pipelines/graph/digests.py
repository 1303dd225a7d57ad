"""Digests of values and files. All are SHA-256 in lower-case hex."""

import hashlib
import json
from pathlib import Path
from typing import Any


def of_value(value: Any) -> str:
    """The digest of a JSON value: keys sorted, no spaces, UTF-8. Raises ValueError for NaN and infinities.

    A file's name that is no UTF-8 holds lone surrogates (PEP 383), which are encoded as they are.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_file(path: Path) -> str:
    """The digest of a file's bytes, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def of_tensors(path: Path) -> str:
    """The digest of a safetensors file's canonical content: each tensor's name, dtype, shape and bytes, by name.

    The layout of the file, its padding and its metadata do not enter it.
    """
    with path.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(header_bytes))
        digest = hashlib.sha256()
        for name in sorted(set(header) - {"__metadata__"}):
            tensor = header[name]
            begin, end = tensor["data_offsets"]
            digest.update(of_value([name, tensor["dtype"], tensor["shape"]]).encode())
            stream.seek(8 + header_bytes + begin)
            _update(digest, stream, end - begin)
    return digest.hexdigest()


def of_content(path: Path) -> str:
    """The digest of what a file says: of its tensors for safetensors, of its value for JSON, of its bytes otherwise."""
    if path.suffix == ".safetensors":
        return of_tensors(path)
    if path.suffix == ".json":
        return of_value(json.loads(path.read_text(encoding="utf-8")))
    return of_file(path)


def _update(digest: Any, stream: Any, remaining: int) -> None:
    while remaining:
        piece = stream.read(min(remaining, 1 << 20))
        if not piece:
            raise ValueError("the safetensors file is shorter than its header says")
        digest.update(piece)
        remaining -= len(piece)
