"""Which model descends from which, and what part it plays: the map {name: Member} that an evaluation is given."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from compression_ops.errors import CompressionError
from compression_ops.spec import Spec

Role = Literal["teacher", "control", "student", "quantized"]
# The order in which the children of one model are told.
ROLES: tuple[Role, ...] = ("teacher", "control", "student", "quantized")


class Member(Spec):
    """A model among those that are evaluated together."""

    role: Role = Field(description="`control`: its parent, trained without the teacher; `quantized`: meant for use.")
    parent: str | None = Field(default=None, description="The model that it is compared with; none for a teacher.")
    repeats: str | None = Field(default=None, description="The model that it is, trained from a further seed.")


Family = Mapping[str, Member]


def check(family: Family) -> None:
    """Raises CompressionError for an empty map, a parent that is not in it, or a model that is its own ancestor."""
    if not family:
        raise CompressionError("models: {} holds no model; name at least a teacher, with null as its parent")
    for name, member in family.items():
        if member.parent is not None and member.parent not in family:
            raise CompressionError(
                f"models: {name}: parent {member.parent!r} is none of the models {', '.join(family)}"
            )
        if member.repeats is not None and (member.repeats not in family or family[member.repeats].repeats is not None):
            raise CompressionError(f"models: {name}: {member.repeats!r}, which it repeats, is none of the models")
        _ancestors(name, family)


def repeats(name: str, family: Family) -> list[str]:
    """A model and what repeats it, from seed to seed."""
    return [name, *(other for other, member in family.items() if member.repeats == name)]


def teacher_of(name: str, family: Family) -> str:
    """The model without a parent that `name` descends from; of such a model, itself."""
    return _ancestors(name, family)[-1]


def controls(family: Family) -> dict[str, str]:
    """Of each student that has one, its control: the same student trained without the teacher."""
    return {
        member.parent: name
        for name, member in family.items()
        if member.role == "control" and member.parent is not None and member.repeats is None
    }


def order(family: Family) -> list[str]:
    """The models that repeat no other, each followed by its descendants; independent of the order of the map."""

    def below(parent: str | None) -> list[str]:
        children = sorted(
            (name for name, member in family.items() if member.parent == parent and member.repeats is None),
            key=lambda name: (ROLES.index(family[name].role), name),
        )
        return [name for child in children for name in (child, *below(child))]

    return below(None)


def depth(name: str, family: Family) -> int:
    """Generations between a model and its teacher; 0 for the teacher."""
    return len(_ancestors(name, family)) - 1


def _ancestors(name: str, family: Family) -> list[str]:
    """The model, its parent, and so on up to the teacher."""
    line = [name]
    while (parent := family[line[-1]].parent) is not None:
        if parent in line:
            raise CompressionError(f"models: {name} descends from itself ({' <- '.join([*line, parent])})")
        line.append(parent)
    return line
