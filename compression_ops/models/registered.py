"""Which networks a library of published ones registers, read from its source without importing it."""

import importlib.util
import re
from functools import cache
from pathlib import Path

# torchvision and timm mark the function that builds a network alike.
_REGISTERED = re.compile(r"^@register_model\b[^\n]*\n(?:@[^\n]*\n)*def (\w+)\(", re.MULTILINE)


@cache
def names(package: str) -> list[str]:
    """The names of functions under `@register_model` in the modules of an installed package, sorted; [] of another."""
    top, *rest = package.split(".")
    spec = importlib.util.find_spec(top)
    folders = [Path(folder, *rest) for folder in (spec.submodule_search_locations or ())] if spec else []
    files = [file for folder in folders for file in sorted(folder.glob("*.py"))]
    return sorted({name for file in files for name in _REGISTERED.findall(file.read_text(encoding="utf-8"))})
