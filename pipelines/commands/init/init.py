"""`compression init`: a recipe for a user's own images, recordings, texts or table, with values that fit them."""

import re
from dataclasses import dataclass
from pathlib import Path

from compression_ops.data.splits import splitting
from compression_ops.data.survey import Survey, look
from compression_ops.data.tables import table_file
from compression_ops.errors import CompressionError
from pipelines.commands.init import plan as plans
from pipelines.commands.init import text as texts
from pipelines.recipe import file as recipe_file
from pipelines.recipe import project
from pipelines.recipe.constraints import NAME_PATTERN
from pipelines.recipe.writing import lock
from pipelines.state import atomic


@dataclass(frozen=True)
class Started:
    """A recipe that was written, what it was written for, and its values."""

    file: recipe_file.RecipeFile
    survey: Survey
    plan: plans.Plan


def init(name: str, data: Path, teacher: str | None = None, target: str | None = None) -> Started:
    """Look at the data, write a checked recipe for them. Raises CompressionError; nothing is overwritten.

    target  the column of a table that says each sample's class, where it is stated
    """
    folder = (project.enclosing(Path.cwd()) or project.Project(Path.cwd(), Path.cwd() / project.DEFS)).defs
    if project.checkout() or recipe_file.defs_is_configured():
        folder = recipe_file.defs_folder()
    if not re.fullmatch(NAME_PATTERN, name):
        raise CompressionError(f"{name!r} is no recipe's name\n  allowed: letters, digits and underscores, at most 60")
    path = folder / name / recipe_file.FILE_NAME
    if name in recipe_file.recipe_names() or _holds_something(path.parent):
        raise _taken(name, path.parent)
    if target is not None and data.exists() and data.suffix.lower() not in table_file.SUFFIXES:
        raise CompressionError(f"--target {target}: {data} is no table\n  leave it out: the classes are told otherwise")
    survey = look(data, target)
    if survey.test:
        splitting.require_two_each([*survey.train.values()], [*survey.train])
    else:
        splitting.require_enough({label: (count, None) for label, count in survey.train.items()})
    plan = plans.for_data(survey, teacher)
    text = texts.text(data.resolve(), survey, plan, teacher)
    checked = recipe_file.read(path, text)
    if teacher is not None:
        plans.require_trainable(teacher, survey, plan)
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.held(path.parent):
        if _holds_something(path.parent):  # of another process, meanwhile
            raise _taken(name, path.parent)
        atomic.write(path, text.encode())
    return Started(checked, survey, plan)


def _holds_something(folder: Path) -> bool:
    """Whether anything is there but what a process leaves that is killed while it writes a recipe."""
    if not folder.is_dir():
        return folder.exists()
    return any(not path.name.startswith(".") for path in folder.iterdir())


def _taken(name: str, folder: Path) -> CompressionError:
    where = recipe_file.displayed(folder if folder.exists() else recipe_file.path_of(name))
    return CompressionError(f"{name!r} exists already: {where}\n  choose another name; nothing was overwritten")
