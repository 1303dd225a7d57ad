"""Which implementations a recipe can name: the modules of a package of `compression_ops`, found by their file names.

A new loss, calibration method, data source or architecture is one new module; nothing lists it a second time.
"""

import importlib
import pkgutil
from functools import cache
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


@cache
def specs(package: str) -> tuple[type[Spec], ...]:
    """The parameter set of every implementation in a package whose implementations have parameters."""
    return tuple(spec(package, name) for name in names(package))


def spec(package: str, name: str) -> type[Spec]:
    """The one subclass of `Spec` that an implementation defines: its parameters."""
    module = load(package, name)
    (found,) = (
        member
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, Spec) and member.__module__ == module.__name__
    )
    return found
