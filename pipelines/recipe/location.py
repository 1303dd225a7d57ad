"""Where a value stands in a recipe's file."""

from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap

TAGS = ("source", "type", "method")


def untagged(attributes: CommentedMap, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """A location of pydantic's as the file has it.

    Directly below a choice among maps pydantic names the chosen member; a key of that map may have the same name.
    """
    node: Any = attributes
    found: list[str | int] = []
    is_map_of_choice = False
    for part in location:
        tags = [node.get(tag) for tag in TAGS] if isinstance(node, Mapping) and not is_map_of_choice else []
        is_map_of_choice = part in tags
        if is_map_of_choice:
            continue
        found.append(part)
        if isinstance(node, Mapping):
            node = node.get(part)
        else:
            node = node[part] if isinstance(node, list) and isinstance(part, int) and part < len(node) else None
    return tuple(found)


def locate(attributes: CommentedMap, location: Sequence[str | int]) -> tuple[str, int, Any, Any]:
    """(path, line, value, enclosing map) of a location; a missing field stands at its map's line."""
    node: Any = attributes
    parent: Any = None
    path: list[str] = []
    line = _own_line(attributes)
    for part in location:
        path.append(f"[{part}]" if isinstance(part, int) else str(part))
        parent = node
        if isinstance(node, CommentedMap) and part in node:
            line = key_line(node, part, line)
            node = node[part]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1  # type: ignore[attr-defined]
            node = node[part]
        else:
            node = None
    return ".".join(path).replace(".[", "["), line, node, parent


def key_line(node: CommentedMap, key: Any, fallback: int) -> int:
    """The line of a key; one that was merged in (`<<`) has none of its own."""
    try:
        return node.lc.key(key)[0] + 1
    except (KeyError, TypeError, AttributeError):
        return fallback


def _own_line(node: CommentedMap) -> int:
    """The line of the key that a map stands under."""
    return max(1, node.lc.line)
