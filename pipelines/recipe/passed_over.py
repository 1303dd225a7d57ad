"""Folders beside recipes that look like one and are none, since no file in them has a recipe's name."""

from pathlib import Path

from pipelines.recipe import bounds, file, project
from pipelines.recipe.document import COMPONENT

_COMPONENT = COMPONENT.rpartition(".")[2]
_YAML = (".yaml", ".yml")


def sentences() -> list[str]:
    """One a folder, sorted, with the cure; () where every folder holds a recipe, or something else on purpose."""
    root = file.defs_folder()
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] not in "._")
    except OSError:  # not there, which the commands say
        return []
    found = (of_folder(folder) for folder in folders)
    return [sentence for sentence in found if sentence is not None]


def of_folder(folder: Path) -> str | None:
    """What is said of one folder; None of a recipe's, of one that is not there, and of what is no recipe on purpose.

    In a project of Dagster's other definitions stand beside recipes: there, only what names our component is told.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.name[0] != ".")
    except OSError:
        return None
    if any(path.name == file.FILE_NAME for path in files):
        return None
    where = file.displayed(folder)
    alike = [path for path in files if path.is_file() and path.suffix.lower() in _YAML]
    ours = [path for path in alike if _names_our_component(path)]
    if ours:
        return f"{where} is passed over: its {ours[0].name} is no recipe by its name; rename it to {file.FILE_NAME}"
    if not _holds_recipes_alone() or any(path.suffix == ".py" for path in files):
        return None
    holds = f"it holds {', '.join(path.name for path in files[:3])}" if files else "it is empty"
    return (
        f"{where} is passed over: {holds}; a recipe is a file {file.FILE_NAME} in it. Add one, or move the folder away"
    )


def _names_our_component(path: Path) -> bool:
    try:
        return _COMPONENT in bounds.text_of(path, errors="replace")
    except (OSError, bounds.TooLarge):
        return False


def _holds_recipes_alone() -> bool:
    return file.defs_is_configured() or project.checkout() is not None
