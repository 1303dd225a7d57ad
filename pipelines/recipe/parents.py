"""What a recipe says of which model is made of which."""

from collections.abc import Iterator

from ruamel.yaml.comments import CommentedMap

from pipelines.recipe.error import Mistake, nearest, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Recipe


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Of the models that quantized students are made of."""
    for name in recipe.quantized_students:
        yield from _of_quantized(recipe, attributes, name)


def _of_quantized(recipe: Recipe, attributes: CommentedMap, name: str) -> Iterator[Mistake]:
    """Exactly one of `student` and `of`, and a model that the recipe makes."""
    stated = recipe.quantized_students[name]
    students, models = list(recipe.students), _trained(recipe)
    field = "student" if stated.of is None else "of"
    path, line, value, parent = locate(attributes, ("quantized_students", name, field))
    if stated.student is None and stated.of is None:
        present = f"a map with the keys {', '.join(map(str, parent))}" if parent else "an empty map"
        yield Mistake(line, path, "missing", present, f"one of: {', '.join(students)}; or `of`: {', '.join(models)}")
    elif stated.student is not None and stated.of is not None:
        yield Mistake(line, path, "stands beside `student`", shown(value), "one of both: `of` alone, or `student`")
    elif stated.of is None and stated.student not in recipe.students:
        allowed = f"one of the recipe's students: {', '.join(students)}"
        yield Mistake(line, path, "no such student", shown(value), allowed, nearest(str(stated.student), students))
    elif stated.of is not None and stated.of not in models:
        of, _, student = stated.of.partition("/")
        problem, allowed = "no such model", f"one of: {', '.join(models)}"
        if of == "control" and student in recipe.students:
            problem, allowed = f"students.{student} has no control", f"{allowed}; or `control: true` of that student"
        yield Mistake(line, path, problem, shown(value), allowed, nearest(stated.of, models))


def _trained(recipe: Recipe) -> list[str]:
    """The assets that can be quantized."""
    students, controls = recipe.students, [name for name, student in recipe.students.items() if student.control]
    return [*(f"student/{name}" for name in students), *(f"control/{name}" for name in controls)]
