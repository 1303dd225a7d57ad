"""What a recipe says of which model is made of which."""

from collections.abc import Iterator

from ruamel.yaml.comments import CommentedMap

from pipelines.recipe.error import Mistake, nearest, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Recipe


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Of the students that teach, and of the models that quantized students are made of."""
    told: set[str] = set()
    for name, student in recipe.students.items():
        yield from _of_teacher(recipe, attributes, name, told) if student.teacher is not None else ()
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
        yield Mistake(line, path, "no such student", shown(value), allowed, nearest(stated.student, students))
    elif stated.of is not None and stated.of not in models:
        of, _, student = stated.of.partition("/")
        problem, allowed = "no such model", f"one of: {', '.join(models)}"
        if of == "control" and student in recipe.students:
            problem, allowed = f"students.{student} has no control", f"{allowed}; or `control: true` of that student"
        yield Mistake(line, path, problem, shown(value), allowed, nearest(stated.of, models))


def _of_teacher(recipe: Recipe, attributes: CommentedMap, name: str, told: set[str]) -> Iterator[Mistake]:
    """A student that the recipe makes, and that does not learn from this one; `told` holds the cycles told already."""
    teacher = recipe.students[name].teacher
    path, line, value, _ = locate(attributes, ("students", name, "teacher"))
    others = [student for student in recipe.students if name not in _line(recipe, student)]
    allowed = f"one of: {', '.join(others)}; or nothing, for the recipe's teacher"
    allowed = allowed if others else "nothing, for the recipe's teacher: no other student could teach it"
    if teacher not in recipe.students:
        yield Mistake(line, path, "no such student", shown(value), allowed, nearest(teacher, others))
        return
    line_of_teachers = _line(recipe, name)
    if recipe.students[line_of_teachers[-1]].teacher == name and name not in told:
        told.update(line_of_teachers)
        problem = f"learns from itself ({' <- '.join([*line_of_teachers, name])})"
        yield Mistake(line, path, problem, shown(value), allowed)


def _line(recipe: Recipe, name: str) -> list[str]:
    """The student, its teacher, that one's, and so on, to the recipe's teacher or to where the line meets itself."""
    line = [name]
    while (teacher := recipe.students[line[-1]].teacher) in recipe.students and teacher not in line:
        line.append(str(teacher))
    return line


def _trained(recipe: Recipe) -> list[str]:
    """The assets that can be quantized."""
    students, controls = recipe.students, [name for name, student in recipe.students.items() if student.control]
    return [*(f"student/{name}" for name in students), *(f"control/{name}" for name in controls)]
