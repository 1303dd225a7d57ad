"""A recipe's text: YAML with lines and comments, and what stands under `attributes` in it."""

import copy
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipelines.recipe import bounds
from pipelines.recipe.error import Mistake, RecipeError, nearest, shown
from pipelines.recipe.sections import Recipe

# Of an installed product the package has a second name, which no folder of a user's takes (see deploy/wheel.py).
COMPONENT = f"{__name__.partition('.')[0]}.CompressionPipeline"
COMPONENTS = tuple(dict.fromkeys((COMPONENT, "pipelines.CompressionPipeline")))
# Dagster's `template_vars_module` and `post_processing` are none of a recipe's: they run code and templates of Python.
_TOP_KEYS = ("type", "attributes", "requirements")


def dumper() -> YAML:
    """What reads and writes recipes without losing a comment. Raises Unbounded for YAML that no recipe needs."""
    yaml = YAML()
    yaml.Parser = bounds.BoundedRoundTripParser
    yaml.preserve_quotes = True
    yaml.width = 1_000_000  # a line stays a line
    return yaml


def parse(path: Path, file: str, text: str | None = None) -> Any:
    try:
        return copy.deepcopy(_loaded(bounds.text_of(path) if text is None else text))
    except bounds.TooLarge as error:
        cure = f"a file of at most {bounds.LARGEST:,} bytes"
        raise RecipeError(file, [Mistake(1, "", "no recipe", str(error), cure)]) from None
    except bounds.Unbounded as error:
        raise RecipeError(file, [Mistake(error.line, "", str(error.problem), "", error.allowed)]) from None
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem).split(" with value")[0]
        raise RecipeError(file, [Mistake(line, "", problem, "", "each name once in a map")]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise RecipeError(file, [Mistake(line, "", "not YAML", str(error.problem), "one YAML document")]) from None
    except (YAMLError, ValueError, KeyError, TypeError, RecursionError) as error:  # ruamel lets values' errors through
        raise RecipeError(file, [Mistake(1, "", "not YAML", str(error), "UTF-8 text, one YAML document")]) from None
    except OSError as error:
        raise RecipeError(file, [Mistake(1, "", "cannot be read", str(error.strerror), "a readable file")]) from None


@lru_cache(maxsize=8)
def _loaded(text: str) -> Any:
    """One command reads a recipe several times, and a copy takes a tenth of the time that YAML in Python does."""
    return dumper().load(text)


def attributes_of(document: Any, file: str) -> CommentedMap:
    shape = f"`type: {COMPONENT}`, then `attributes:` with the keys {', '.join(Recipe.model_fields)}"
    if not isinstance(document, CommentedMap):
        problem = "the file is empty" if document is None else "not a recipe"
        raise RecipeError(file, [Mistake(1, "", problem, "" if document is None else shown(document), shape)])
    for key in document:
        if key not in _TOP_KEYS:
            line = document.lc.key(key)[0] + 1
            raise RecipeError(
                file,
                [Mistake(line, str(key), "unknown key", shown(document[key]), shape, nearest(key, _TOP_KEYS))],
            )
    if document.get("type") not in COMPONENTS:
        line = document.lc.key("type")[0] + 1 if "type" in document else 1
        found = shown(document["type"]) if "type" in document else "no such key"
        raise RecipeError(file, [Mistake(line, "type", "not a compression recipe", found, " or ".join(COMPONENTS))])
    attributes = document.get("attributes")
    if not isinstance(attributes, CommentedMap):
        line = document.lc.key("attributes")[0] + 1 if "attributes" in document else 1
        found = shown(attributes) if "attributes" in document else "no such key"
        raise RecipeError(file, [Mistake(line, "attributes", "missing or not a map", found, shape)])
    return attributes


def retyped(text: str, component: str) -> str:
    """The text of a recipe with another name of the component as its type."""
    return re.sub(r"^type:.*$", f"type: {component}", text, count=1, flags=re.MULTILINE)


def plain(value: Any) -> Any:
    """ruamel's annotated values as plain Python ones."""
    if isinstance(value, Mapping):
        keys = (str(key) if isinstance(key, Mapping) else plain(key) for key in value)  # a map as a key cannot be plain
        return {key: plain(item) for key, item in zip(keys, value.values(), strict=True)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value
