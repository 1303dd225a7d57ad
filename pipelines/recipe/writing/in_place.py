"""A value of a recipe set in its text, where nothing else changes by a character."""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode


def set_scalar(text: str, path: tuple[str, ...], value: Any) -> str | None:
    """The text with a scalar at a path of keys, in the place of another or beside its neighbours.

    None where that is no matter of one place: the map of the last key is not there, what stands there or is to stand
    there is no scalar of one line, or the map has no such neighbour.
    """
    if isinstance(value, dict | list):
        return None
    try:
        node: Node | None = YAML(pure=True).compose(text)
    except YAMLError:
        return None
    *parents, last = path
    for key in parents:
        node = _value(node, key)
    if not isinstance(node, MappingNode):
        return None
    present = _value(node, last)
    return _added(text, node, last, written(value)) if present is None else _replaced(text, present, written(value))


def _replaced(text: str, node: Node, written: str) -> str | None:
    if not _is_of_one_line(node) or node.anchor:
        return None
    return text[: node.start_mark.index] + written + text[node.end_mark.index :]


def _added(text: str, parent: MappingNode, key: str, written: str) -> str | None:
    """After the last neighbour: within brackets behind it, otherwise on a line of its own."""
    neighbours = [pair for pair in parent.value if parent.flow_style or _is_of_one_line(pair[1])]
    if not neighbours:
        return None
    name, value = neighbours[-1]
    end = value.end_mark.index
    if parent.flow_style:
        return f"{text[:end]}, {key}: {written}{text[end:]}"
    newline = "\r\n" if "\r\n" in text else "\n"
    rest = text.find(newline, end)
    rest = len(text) if rest < 0 else rest
    return f"{text[:rest]}{newline}{' ' * name.start_mark.column}{key}: {written}{text[rest:]}"


def _is_of_one_line(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.start_mark.line == node.end_mark.line


def _value(node: Node | None, key: str) -> Node | None:
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value for name, value in pairs if isinstance(name, ScalarNode) and name.value == key), None)


def written(value: Any) -> str:
    """A scalar as it may stand anywhere, within the brackets of a flow collection too."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width = True, 1_000_000
    stream = io.StringIO()
    yaml.dump([value], stream)
    return stream.getvalue().strip()[1:-1].strip()
