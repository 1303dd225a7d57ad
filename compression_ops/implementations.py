"""Which implementations a recipe can name: the modules of a package of `compression_ops`, found by their file names.

A new loss, calibration method, data source or architecture is one new module; nothing lists it a second time.
"""

import importlib
import inspect
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any

from compression_ops.spec import Spec


@cache
def names(package: str) -> tuple[str, ...]:
    """The module names in `compression_ops.<package>`, sorted; imports none of them."""
    path = importlib.import_module(f"compression_ops.{package}").__path__
    return tuple(sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")))


def module_name(package: str, name: str) -> str:
    """The full module name of one implementation."""
    return f"compression_ops.{package}.{name}"


def load(package: str, name: str) -> Any:
    """Import one implementation."""
    return importlib.import_module(module_name(package, name))


def module_of(spec: Spec) -> ModuleType:
    """The implementation that a parameter set belongs to: the module that defines its class."""
    return importlib.import_module(type(spec).__module__)


def spec_of(package: str, name: str) -> type[Spec]:
    """The parameter set of one implementation: the one `Spec` that its module defines."""
    module = load(package, name)
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Spec) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} defines {len(found)} parameter sets instead of one")
    return found[0]


@cache
def specs(package: str) -> tuple[type[Spec], ...]:
    """The parameter set of every implementation in a package whose implementations have parameters."""
    return tuple(spec_of(package, name) for name in names(package))
