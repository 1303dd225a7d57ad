"""What MLflow's pages say of a run and of a recipe's experiment."""

from collections.abc import Sequence

from pipelines.lineage import ancestry, markdown, names
from pipelines.lineage.query import Node
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Source


def of_run(parents: Sequence[Node], news: str) -> str:
    """A run's description: its whole ancestry, then what is new in it.

    `parents` are what it was made from, as this tracking store knows them. Its page shows seven lines before a reader
    asks for more.
    """
    room = names.TAG_LIMIT - len(news) - 2
    whole = ancestry.whole(parents)
    if len(whole) <= room:
        return f"{whole}\n\n{news}"
    note = f"\n\nShortened; all of it is in `{names.ANCESTRY_FILE}`, among the artifacts."
    return f"{ancestry.within(parents, room - len(note))}{note}\n\n{news}"


def news(asset: str, changes: Sequence[str] | None, last: Source | None) -> str:
    """What changed since the asset's last result, of whose run MLflow may know nothing; None if there is none."""
    if last is None or changes is None:
        return f"The first {markdown.name(asset)} of this recipe here."
    before = names.run_link("the last result", last.experiment_id, last.run_id)
    if not changes:
        return f"Nothing changed since {before}: the same was computed once more."
    return "\n".join([f"Changed since {before}:", "", *(f"- {change}" for change in changes)])


def of_experiment(recipe: str, summary: str) -> str:
    """What a recipe's experiment is, how to read its runs, where the champion is, and the commands that say more."""
    loads = f"models:/{names.registered_model(recipe)}@{names.CHAMPION}"
    return "\n".join(
        [
            f"Recipe `{recipe}`{f': {summary}' if summary else ''}.",
            "",
            "- **Runs.** Each is one computation of one asset and bears its name. Its description begins with all that "
            "it was made from, down to the raw data, and says what changed since the asset's last result. What was "
            "computed before is not computed again: no run is made then, whatever needs it leads to the earlier one.",
            f"- **The model in use** is the version `{names.CHAMPION}` of the registered model "
            f"{names.registered_model_link(names.registered_model(recipe), recipe)}; "
            f"`{loads}` loads it. The run `champion` says why.",
            f"- **Commands.** `compression status {recipe}`: what is out of date and why. `compression run {recipe}`: "
            f"compute it. `compression report {recipe}`: the models compared. "
            f"`compression lineage {recipe} <asset>`: where something came from.",
        ]
    )


def summary(recipe: Recipe) -> str:
    """A recipe in a line: its data, its teacher, its students and what becomes of them."""
    students = [f"{name} ({student.architecture})" for name, student in recipe.students.items()]
    quantized = list(recipe.quantized_students)
    found = f"{recipe.teacher.architecture} on {recipe.dataset.source}, distilled into {_few(students)}"
    return markdown.name(f"{found}, quantized as {_few(quantized)}" if quantized else found)


def _few(found: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
