"""Which implementations a recipe can name, and which code stands behind a name: found by file names and by types.

A new loss, calibration method, data source or architecture is one new module; nothing lists it a second time. One of
the user's own is chosen by its import path: see `choices`.
"""

import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import pkgutil
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, create_model, model_serializer

from compression_ops.spec import Spec

Architecture = Annotated[
    str,
    StringConstraints(min_length=1),
    Field(
        description="A network of the zoo by name, `torchvision.models:<name>` or `timm:<name>`, or a factory of your "
        "own as `package.module:factory`. `onnx` for a teacher that is an ONNX file."
    ),
]

# An architecture of which there is only a trained ONNX file.
ONNX = "onnx"
_PUBLISHERS = "compression_ops.models.publishers"
_OWN = __name__.partition(".")[0]
_PYTHON = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
_SITES = frozenset({"site-packages", "dist-packages"})  # which lie in it, and hold packages of others


@cache
def names(package: str) -> tuple[str, ...]:
    """The module names in `compression_ops.<package>`, sorted; imports none of them."""
    path = importlib.import_module(f"compression_ops.{package}").__path__
    return tuple(sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")))


@cache
def specs(package: str) -> tuple[type[Spec], ...]:
    """The parameter set of every implementation in a package: the one subclass of Spec that its module defines."""
    return tuple(_spec(f"compression_ops.{package}.{name}") for name in names(package))


def _spec(module_name: str) -> type[Spec]:
    module = importlib.import_module(module_name)
    defined = [
        found
        for found in vars(module).values()
        if inspect.isclass(found) and issubclass(found, Spec) and found.__module__ == module_name
    ]
    if len(defined) != 1:
        raise TypeError(f"{module_name} defines {len(defined)} subclasses of Spec; allowed is one, its parameters")
    return defined[0]


class _Chosen(Spec):
    """A parameter set that says nothing of what is not chosen: a new implementation leaves its JSON as it was."""

    @model_serializer(mode="wrap")
    def _stated(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


def each_of(package: str) -> type[Spec]:
    """The base of a parameter set with a field for every implementation in a package, by the name of its file.

    A field takes the implementation's parameters; None, the default, is not to use it.
    """
    fields: dict[str, Any] = {
        name: (spec | None, Field(default=None, description=(spec.__doc__ or "").partition("\n")[0]))
        for name, spec in zip(names(package), specs(package), strict=True)
    }
    return create_model("Chosen", __base__=_Chosen, **fields)


def module_name(spec: Spec) -> str:
    """The module that implements a parameter set: the one that defines its type."""
    return type(spec).__module__


def module_of(spec: Spec) -> Any:
    """As `module_name`, imported."""
    return importlib.import_module(module_name(spec))


def factory(architecture: str) -> tuple[str, str]:
    """(module, function) of an architecture: `resnet` is `compression_ops.models.architectures.resnet:build`.

    Of one that a library publishes, (the module that adapts it, its name): see `is_published`.
    """
    if architecture == ONNX:
        return "compression_ops.onnx_model.frozen", "build"
    if ":" not in architecture:
        return f"compression_ops.models.architectures.{architecture}", "build"
    module, _, function = architecture.partition(":")
    if is_published(architecture):
        return f"{_PUBLISHERS}.{module.partition('.')[0]}", function
    return module, function


def is_published(architecture: str) -> bool:
    """Whether an architecture stands in a library of published ones, as `timm:…` and `torchvision.models:…` do."""
    module, colon, _ = architecture.partition(":")
    return bool(colon) and module in ("timm", "torchvision.models")


def forbidden(name: str) -> str | None:
    """Why no module of this name may be named by a recipe, in words; None for one that may.

    Python's standard library builds no network, and much else; where `COMPRESSION_OWN_CODE` lists packages, separated
    by commas, no code of others is run.
    """
    top = name.partition(".")[0]
    if _is_of_python(top):
        return f"{name!r} is of Python's standard library, and no method or network"
    listed = os.environ.get("COMPRESSION_OWN_CODE")
    if listed is None or top in (_OWN, *map(str.strip, listed.split(","))):
        return None
    return f"{name!r} is of no package that COMPRESSION_OWN_CODE lists ({listed or 'none'})"


def _is_of_python(top: str) -> bool:
    """Whether importing a name would find Python's own module: a package of the user's may stand before it."""
    spec = _find_spec(top)
    if spec is None or spec.origin in ("built-in", "frozen"):
        return spec is not None or top in sys.stdlib_module_names
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return any(map(_lies_in_python, map(Path, places)))


def _lies_in_python(place: Path) -> bool:
    if not _SITES.isdisjoint(place.parts):
        return False
    return any(place.is_relative_to(folder) or place.is_relative_to(folder.resolve()) for folder in _PYTHON)


def find_module(name: str) -> Path | None:
    """The source file of a module on `sys.path`, without importing it or its parents; None if there is none."""
    spec = _find_spec(name)
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def package_folders(name: str) -> list[Path]:
    """The folders in which a package's modules lie, found as `find_module` finds; none of what is no package."""
    spec = _find_spec(name)
    return [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or ()]


def _find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a running script's own `__main__`
        return None
    for depth in range(len(rest)):
        if spec is None or spec.submodule_search_locations is None:
            return None
        full_name = ".".join([top, *rest[: depth + 1]])
        spec = _find_below(full_name, list(spec.submodule_search_locations))
    return spec


def _find_below(name: str, locations: list[str]) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.machinery.PathFinder.find_spec(name, locations)
    except KeyError:  # a folder without `__init__.py`, for which Python wants its parent imported
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        folders = (Path(location, name.rpartition(".")[2]) for location in locations)
        spec.submodule_search_locations = [str(folder) for folder in folders if folder.is_dir()]
        return spec
