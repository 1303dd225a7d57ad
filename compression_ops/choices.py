"""A field of a recipe that chooses a method: one of the product's, or a module of the user's own by its import path.

`loss: {type: kd}` is `compression_ops.distillation.losses.kd`; `loss: {type: my_package.mse}` is that module, which
defines what each of the product's does. It is imported when a recipe is read, since its parameters are in it; like the
product's, it imports torch inside its functions only. Its code enters derivations as the product's does.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from types import ModuleType
from typing import Annotated, Any, TypeGuard, Union

from pydantic import Discriminator, SerializationInfo, TypeAdapter, ValidationError, WrapSerializer, WrapValidator
from pydantic_core import PydanticCustomError

from compression_ops import implementations
from compression_ops.errors import CompressionError, told
from compression_ops.spec import Spec

NOT_A_METHOD = "not_a_method"  # the type of the error for a module that is none; its context has `problem`, `allowed`
_OWN = __name__.partition(".")[0]


@dataclass(frozen=True)
class Contract:
    """What a module defines that implements a method.

    base       what its one set of parameters is a subclass of
    functions  the names of its functions, each with its number of arguments; they may depend on the parameters' type
    fields     fields that its parameters must have, beside the one that chooses it
    """

    base: type[Spec]
    functions: Callable[[type[Spec]], Mapping[str, int]]
    fields: tuple[str, ...] = ()


def one_of(package: str, tag: str, contract: Contract) -> Any:
    """The type of a field that takes the parameters of any method, told apart by `tag`: of a package of the product's,
    or of a module of the user's own.
    """
    shipped = implementations.specs(package)

    def validate(value: Any, as_shipped: Callable[[Any], Any]) -> Any:
        path = value.get(tag) if isinstance(value, Mapping) else None
        if is_path(path):
            return parameters(path, tag, contract).model_validate(value)
        if isinstance(value, Mapping) and tag in value and not isinstance(value[tag], str):
            value = {**value, tag: ""}  # unknown as well, and nothing that pydantic cannot print
        is_imported = isinstance(value, contract.base) and not isinstance(value, shipped)
        return value if is_imported else as_shipped(value)

    def serialize(value: Any, as_shipped: Callable[[Any], Any], info: SerializationInfo) -> Any:
        return as_shipped(value) if isinstance(value, shipped) else value.model_dump(mode=info.mode)

    choice = Union[shipped]  # noqa: UP007
    return Annotated[choice, Discriminator(tag), WrapValidator(validate), WrapSerializer(serialize)]


def is_path(name: Any) -> TypeGuard[str]:
    """Whether the name of a method is a module's import path, as `my_package.mse`."""
    return isinstance(name, str) and "." in name


def parameters(path: str, tag: str, contract: Contract) -> type[Spec]:
    """The parameters that a module of the user's own defines. Raises PydanticCustomError where it is no such method."""
    module = _import(path)
    defined = _defined(module)
    if len(defined) != 1:
        found = ", ".join(spec.__name__ for spec in defined) or "none"
        cure = f"one subclass of {contract.base.__module__}.{contract.base.__name__}, its parameters"
        raise _refused(f"{path} defines {len(defined)} parameter sets ({found})", cure)
    (spec,) = defined
    if not issubclass(spec, contract.base):
        cure = f"a subclass of {contract.base.__module__}.{contract.base.__name__}"
        raise _refused(f"the parameters of {path}, {spec.__name__}, are no {contract.base.__name__}", cure)
    for name in contract.fields:
        if name not in spec.model_fields:
            raise _refused(f"the parameters of {path}, {spec.__name__}, have no field `{name}`", f"one with `{name}`")
    if hidden := [name for name in spec.model_fields if _is_a_property(contract.base, name)]:
        stated = f"the field `{hidden[0]}` of {spec.__name__} has the name of a property of {contract.base.__name__}"
        raise _refused(f"{stated}, which hides it", "another name of the field, or a property of that name")
    if not _takes(spec, tag, path):
        cure = f'`{tag}: Literal["{path}"]`'
        raise _refused(f"the field `{tag}` of {spec.__name__} is missing, or does not take {path!r}", cure)
    for name, arguments in contract.functions(spec).items():
        _check_function(module, name, arguments)
    return spec


def imported(path: str) -> type[Spec] | None:
    """The parameters that a module defines which has been imported and is a method."""
    module = sys.modules.get(path)
    defined = _defined(module) if module else []
    return defined[0] if len(defined) == 1 else None


def _import(path: str) -> ModuleType:
    if refusal := implementations.forbidden(path):
        raise _refused(refusal, "a module of your own as package.module")
    if implementations.find_module(path) is None:
        cure = "a module that Python finds (is its folder on PYTHONPATH, its package installed?)"
        raise _refused(f"no module is named {path!r}", cure)
    try:
        return importlib.import_module(path)
    except SyntaxError as error:
        cause = f"{error.filename}:{error.lineno}: not Python: {error.msg}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  importing it runs somebody's code, which may end in any way
        cause = told(error)
    raise _refused(f"{path} cannot be imported: {cause}", "a module whose import ends without an error")


def _defined(module: ModuleType) -> list[type[Spec]]:
    """The parameter sets that a module defines itself, in any number."""
    own = (found for found in vars(module).values() if inspect.isclass(found) and issubclass(found, Spec))
    return [found for found in own if found.__module__ == module.__name__ and not found.__name__.startswith("_")]


def _is_a_property(base: type[Spec], name: str) -> bool:
    return isinstance(inspect.getattr_static(base, name, None), property)


def _takes(spec: type[Spec], tag: str, path: str) -> bool:
    field = spec.model_fields.get(tag)
    if field is None:
        return False
    try:
        TypeAdapter[Any](field.annotation or Any).validate_python(path)
    except ValidationError:
        return False
    return True


def _check_function(module: ModuleType, name: str, arguments: int) -> None:
    function = getattr(module, name, None)
    if not callable(function):
        raise _refused(f"{module.__name__} defines no function {name!r}", f"one that takes {arguments} arguments")
    try:
        inspect.signature(function).bind(*range(arguments))
    except TypeError as error:
        cure = f"a function that can be called with {arguments} arguments"
        raise _refused(f"{name} of {module.__name__} cannot be called as it is to be: {error}", cure) from None
    except ValueError:  # one that is compiled says nothing of its arguments
        pass


def _refused(problem: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError(NOT_A_METHOD, "{problem}", {"problem": problem, "allowed": allowed})


def function(spec: Spec, name: str) -> Callable[..., Any]:
    """A function of the module that a parameter set stands for.

    What one of the user's own raises is told as a CompressionError, with its place in their code.
    """
    found: Callable[..., Any] = getattr(implementations.module_of(spec), name)
    return found if implementations.module_name(spec).partition(".")[0] == _OWN else _told(found)


def _told(found: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(found)
    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            return found(*arguments, **keywords)
        except (CompressionError, KeyboardInterrupt):
            raise
        except BaseException as error:  # it may end in any way, by sys.exit() too
            raise CompressionError(f"{found.__name__} of {found.__module__} failed: {told(error)}") from error

    return call
