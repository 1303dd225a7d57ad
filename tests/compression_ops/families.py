"""Families of models for tests, from {name: parent's name}."""

from collections.abc import Mapping

from compression_ops.evaluation.family import Member, Role

_ROLES: dict[str, Role] = {"teacher": "teacher", "student": "student", "control": "control"}


def family(parents: Mapping[str, str | None]) -> dict[str, Member]:
    """Each with the part that its name says: `quantized_student/int8` is quantized."""
    return {
        name: Member(role=_ROLES.get(name.partition("/")[0], "quantized"), parent=parent)
        for name, parent in parents.items()
    }
