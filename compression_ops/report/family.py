"""Which model descends from which: the map {asset name: parent's asset name | None} that a report is given."""

from collections.abc import Mapping

from compression_ops.errors import CompressionError

# The order in which the children of one model are told.
_KINDS = ("teacher", "control", "student", "quantized_student")


def kind(name: str) -> str:
    """What sort of asset a name stands for: `student/small` is a `student`."""
    return name.partition("/")[0]


def check(parents: Mapping[str, str | None]) -> None:
    """Raises CompressionError for an empty map, a parent that is not in it, or a model that is its own ancestor."""
    if not parents:
        raise CompressionError("models: {} holds no model; name at least a teacher, with null as its parent")
    for name, parent in parents.items():
        if parent is not None and parent not in parents:
            raise CompressionError(f"models: {name}: parent {parent!r} is none of the models {', '.join(parents)}")
        _ancestors(name, parents)


def teacher_of(name: str, parents: Mapping[str, str | None]) -> str:
    """The model without a parent that `name` descends from; of such a model, itself."""
    return _ancestors(name, parents)[-1]


def controls(parents: Mapping[str, str | None]) -> dict[str, str]:
    """Of each student that has one, its control: the same student trained without the teacher."""
    return {parent: name for name, parent in parents.items() if parent is not None and kind(name) == "control"}


def order(parents: Mapping[str, str | None]) -> list[str]:
    """All names, each model followed by its descendants; independent of the order of the map."""

    def below(parent: str | None) -> list[str]:
        children = sorted((name for name in parents if parents[name] == parent), key=_rank)
        return [name for child in children for name in (child, *below(child))]

    return below(None)


def depth(name: str, parents: Mapping[str, str | None]) -> int:
    """Generations between a model and its teacher; 0 for the teacher."""
    return len(_ancestors(name, parents)) - 1


def _rank(name: str) -> tuple[int, str]:
    return (_KINDS.index(kind(name)) if kind(name) in _KINDS else len(_KINDS), name)


def _ancestors(name: str, parents: Mapping[str, str | None]) -> list[str]:
    """The model, its parent, and so on up to the teacher."""
    line = [name]
    while (parent := parents[line[-1]]) is not None:
        if parent in line:
            raise CompressionError(f"models: {name} descends from itself ({' <- '.join([*line, parent])})")
        line.append(parent)
    return line
