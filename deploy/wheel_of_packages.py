"""The build backend (PEP 517): setuptools', and wheels in which `pipelines` is called `compression_pipeline`.

`pipelines` is what many people call a folder of their own. Where one is found first, an installed package of that name
would be lost, so a wheel holds the package under the distribution's name, with its own imports renamed. Under the old
name stands a door to it, which nothing of the product depends on: `pipelines.CompressionPipeline` in a recipe, and
`python -m pipelines.cli.main`, work wherever nobody else takes the name. A checkout, installed as editable, stays as
it is.
"""

import base64
import hashlib
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable as build_editable,
)
from setuptools.build_meta import (
    get_requires_for_build_editable as get_requires_for_build_editable,
)
from setuptools.build_meta import (
    get_requires_for_build_sdist as get_requires_for_build_sdist,
)
from setuptools.build_meta import (
    get_requires_for_build_wheel as get_requires_for_build_wheel,
)
from setuptools.build_meta import (
    prepare_metadata_for_build_editable as prepare_metadata_for_build_editable,
)

# `prepare_metadata_for_build_wheel` is left out: the metadata are those of the built wheel.

_OLD, _NEW = "pipelines", "compression_pipeline"
# A module's name: in an import, in a string that is imported, in `python -m`. Not `pipelines.CompressionPipeline`.
_MODULE = re.compile(rf"\b{_OLD}(?=\.[a-z_]|\s+import\b)")
_DOOR = f'''"""`{_NEW}` under its name in a checkout; a folder of yours of this name may stand before it."""

from typing import Any

import {_NEW}
from {_NEW} import __all__, __path__


def __getattr__(name: str) -> Any:
    return getattr({_NEW}, name)


def __dir__() -> list[str]:
    return __all__
'''


def build_wheel(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build the wheel; returns its name."""
    name = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    file = Path(wheel_directory, name)
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    _write(file, dict(_renamed(members)))
    return name


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Build the source distribution, this backend in it; returns its name."""
    name = build_meta.build_sdist(sdist_directory, config_settings)
    file = Path(sdist_directory, name)
    whole = file.with_suffix(".whole")
    with tarfile.open(file) as archive, tarfile.open(whole, "w:gz") as complete:
        for member in archive.getmembers():
            complete.addfile(member, archive.extractfile(member) if member.isfile() else None)
        complete.add(__file__, f"{name.removesuffix('.tar.gz')}/deploy/{Path(__file__).name}")
    whole.replace(file)
    return name


def _renamed(members: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The files of a wheel, by name, as they are to be."""
    for name, content in members.items():
        if name.endswith("dist-info/RECORD"):
            continue
        if name.startswith(f"{_OLD}/"):
            source = _MODULE.sub(_NEW, content.decode()).encode() if name.endswith(".py") else content
            yield name.replace(_OLD, _NEW, 1), source
        elif name.endswith("dist-info/entry_points.txt"):
            yield name, _entry_points(content.decode()).encode()
        elif name.endswith("dist-info/top_level.txt"):
            yield name, content + f"{_NEW}\n".encode()
        else:
            yield name, content
    yield f"{_OLD}/__init__.py", _DOOR.encode()
    yield f"{_OLD}/py.typed", b""


def _entry_points(text: str) -> str:
    """Commands run the package by its new name; Dagster finds its component by both."""
    return re.sub(rf"^{_OLD} = {_OLD}$", rf"\g<0>\n{_NEW} = {_NEW}", _MODULE.sub(_NEW, text), flags=re.MULTILINE)


def _write(file: Path, members: dict[str, bytes]) -> None:
    """A wheel of these files, with the RECORD of their digests (PEP 427)."""
    record = next(name for name in members if name.endswith("dist-info/METADATA")).replace("METADATA", "RECORD")
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in members.items()]
    members[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same files make the same wheel
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
