"""Installed packages that a stage's code comes from: which version of them."""

import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata

from compression_ops.implementations import find_module, package_folders

# Of these every result records the version, and `verify` tells whether another one still reproduces it. Hashed, each
# update of a library would compute everything anew.
RECORDED = frozenset({"numpy", "onnx", "onnxruntime", "safetensors", "sklearn", "torch"})


def is_recorded(top_level: str) -> bool:
    """Whether its version counts for nothing: it is Python's own, or each result records it."""
    return top_level in RECORDED or top_level in sys.stdlib_module_names


@lru_cache(maxsize=1024)
def version(top_level: str) -> str | None:
    """`version 1.0.31` of the distribution that a top-level module belongs to; None if it belongs to none.

    One that was installed from a folder, an archive or a repository (PEP 610) may change and keep its version: the
    digest of its Python files, as its installer recorded them, follows.
    """
    distribution = _distribution(top_level)
    if distribution is None:
        return None
    public = f"version {distribution.version.partition('+')[0]}"  # the rest tells builds for processors apart
    if distribution.read_text("direct_url.json") is None:
        return public
    files = sorted(row[:2] for row in csv.reader(_record(distribution).splitlines()) if row and row[0].endswith(".py"))
    return f"{public} {hashlib.sha256(json.dumps(files).encode()).hexdigest()}"


def change(before: str | None, after: str | None) -> str:
    """What differs between two of them, `: 1.0.30 → 1.0.31`; nothing for the digests of modules."""
    told = [each.split(" ")[1] for each in (before, after) if each and " " in each]
    if not told:
        return ""
    return f": its files, at version {told[0]}" if len(told) > len(set(told)) else f": {' → '.join(told)}"


def _distribution(top_level: str) -> metadata.Distribution | None:
    try:
        found = metadata.distribution(top_level)  # of nearly all, it has the module's name
    except (metadata.PackageNotFoundError, ValueError):
        pass
    else:
        if _has(found, top_level):
            return found
    return next((other for other in _beside(top_level) if _has(other, top_level)), None)


def _has(distribution: metadata.Distribution, top_level: str) -> bool:
    """Whether a distribution brings a module, by the record of its installer."""
    record = f"\n{_record(distribution)}"
    return f"\n{top_level}/" in record or f"\n{top_level}." in record


def _beside(top_level: str) -> Iterator[metadata.Distribution]:
    """What is installed where a module lies. (`metadata.packages_distributions` takes a third of a second.)"""
    places = [file.parent] if (file := find_module(top_level)) else package_folders(top_level)
    for place in places:
        folder = place.parent if file is None or file.name == "__init__.py" else place
        yield from (metadata.Distribution.at(found) for found in sorted(folder.glob("*.dist-info")))


def _record(distribution: metadata.Distribution) -> str:
    return distribution.read_text("RECORD") or ""
