"""Turns pydantic's errors into mistakes with lines and words, and checks what one field says against the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from ruamel.yaml.comments import CommentedMap

from compression_ops import choices
from compression_ops.spec import Spec
from compression_ops.training.hyperparameters import Training
from pipelines.recipe import constraints, schema_words
from pipelines.recipe.document import plain
from pipelines.recipe.error import UNKNOWN_KEY, Mistake, nearest, shown
from pipelines.recipe.location import TAGS, locate
from pipelines.recipe.rules import architectures, gates, parents, precision, targets, trained, views
from pipelines.recipe.searched import mistakes as searched
from pipelines.recipe.sections import Recipe


def mistake(attributes: CommentedMap, fault: Any) -> Mistake:
    """One of pydantic's errors as a mistake: the line in the file, the field, the value, what is allowed."""
    location = tuple(part for part in fault["loc"] if part != "[key]")
    path, line, node, parent = locate(attributes, location)
    if fault["type"] == choices.NOT_A_METHOD:
        return _no_method(attributes, location, fault["ctx"])
    model, within = _model(attributes, location)
    root = schema_words.schema_of(model)
    if fault["type"] == "extra_forbidden":
        return _unknown_key(model, within, path, line, node)
    schema = schema_words.field_schema(model, within) or {}
    allowed = schema_words.allowed(root, schema)
    if fault["type"] == "missing":
        present = f"a map with the keys {', '.join(map(str, parent))}" if parent else "an empty map"
        present = shown(parent) if isinstance(parent, str) else present
        return Mistake(line, path, "missing", present, allowed)
    if fault["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(attributes, location, path, line, node, schema)
    if fault["loc"][-1] == "[key]" or fault["type"] == "string_pattern_mismatch":
        return Mistake(line, path, "not a name", shown(fault["input"]), "letters, digits and underscores")
    zones = constraints.timezones() if location[-1] == "timezone" else ()
    words = [str(choice) for choice in (*schema.get("enum", []), *sorted(zones))]
    problem = "out of range" if "than" in fault["type"] or "short" in fault["type"] else "not allowed"
    if fault["type"] == "finite_number":
        problem = "not a finite number"
    return Mistake(line, path, problem, shown(node), allowed, nearest(node, words) if isinstance(node, str) else None)


def _model(attributes: CommentedMap, location: Sequence[str | int]) -> tuple[type[Spec], Sequence[str | int]]:
    """Whose field stands at a location, and where in it: the recipe's, or that of a method of the user's own."""
    node: Any = attributes
    for depth, part in enumerate(location):
        node = node.get(part) if isinstance(node, Mapping) else _item(node, part)
        stated = [node.get(tag) for tag in TAGS] if isinstance(node, Mapping) else [node]
        models = (choices.imported(path) for path in stated if choices.is_path(path))
        if model := next(filter(None, models), None):
            return model, location[depth + 1 :]
    return Recipe, location


def _item(node: Any, part: str | int) -> Any:
    return node[part] if isinstance(node, list) and isinstance(part, int) and part < len(node) else None


def _no_method(attributes: CommentedMap, location: Sequence[str | int], found: Mapping[str, str]) -> Mistake:
    """A module of the user's own that is no method, at the field that names it."""
    _, _, node, _ = locate(attributes, location)
    tags = [] if isinstance(node, str) else [tag for tag in TAGS if choices.is_path(node.get(tag))]
    path, line, value, _ = locate(attributes, (*location, *tags[:1]))
    return Mistake(line, path, found["problem"], shown(value), found["allowed"])


def _unknown_key(model: type[Spec], location: Sequence[str | int], path: str, line: int, node: Any) -> Mistake:
    root = schema_words.schema_of(model)
    parent = schema_words.field_schema(model, location[:-1]) or {}
    keys = schema_words.keys(root, parent)
    return Mistake(line, path, UNKNOWN_KEY, shown(node), "one of: " + ", ".join(keys), nearest(location[-1], keys))


def _wrong_tag(
    attributes: CommentedMap, location: tuple[str | int, ...], path: str, line: int, node: Any, schema: Any
) -> Mistake:
    discriminator = schema_words.discriminator(schema)
    tag = discriminator["propertyName"]
    known = sorted(discriminator["mapping"])
    allowed = f"one of: {', '.join(known)}; or a module of your own as package.module"
    if isinstance(node, Mapping) and tag in node:
        path, line, value, _ = locate(attributes, (*location, tag))
        return Mistake(line, path, "unknown", shown(value), allowed, nearest(value, known))
    if isinstance(node, str) and schema_words.is_short(schema):
        return Mistake(line, path, "unknown", shown(node), allowed, nearest(node, known))
    return Mistake(line, f"{path}.{tag}", "missing", shown(node), allowed)


def cross_check(recipe: Recipe, attributes: CommentedMap) -> list[Mistake]:
    """Mistakes that need more than one field, or code on the disk, to be seen."""
    mistakes = [*parents.mistakes(recipe, attributes)]
    for where, choice in (("teacher",), recipe.teacher), *((("students", n), s) for n, s in recipe.students.items()):
        mistakes += architectures.mistakes(choice, attributes, where)
    mistakes += trained.mistakes(recipe, attributes)
    mistakes += [*_weighs_in_vain(recipe, attributes), *_warns_too_late(recipe, attributes)]
    mistakes += [*_learns_beside_nobody(recipe, attributes), *_named_like_seeds(recipe, attributes)]
    mistakes += [*precision.mistakes(recipe, attributes), *views.mistakes(recipe, attributes)]
    mistakes += [*targets.mistakes(recipe, attributes), *gates.mistakes(recipe, attributes)]
    # A search is asked about last: its values are tried in a recipe that is right.
    return mistakes or list(searched.mistakes(recipe, attributes, refused))


def refused(attributes: CommentedMap) -> list[Mistake]:
    """What is wrong with a recipe's attributes; the files that they name are not looked for."""
    try:
        recipe = Recipe.model_validate(plain(attributes))
    except ValidationError as error:
        return [mistake(attributes, fault) for fault in error.errors()]
    return cross_check(recipe, attributes)


def _weighs_in_vain(recipe: Recipe, attributes: CommentedMap) -> list[Mistake]:
    mistakes: list[Mistake] = []
    learners = {("students", name): student for name, student in recipe.students.items()} | _learning(recipe)
    for where, learner in learners.items():
        if learner.class_weights != "uniform" and not getattr(learner.loss, "weighs_classes", False):
            path, line, value, _ = locate(attributes, (*where, "class_weights"))
            allowed = f"`uniform` with the loss {learner.loss.type}, which weighs no classes"
            mistakes.append(Mistake(line, path, "useless", shown(value), allowed))
    return mistakes


def _learning(recipe: Recipe) -> dict[tuple[str, ...], Any]:
    """The methods of quantized students that train by a loss of distillation, by where they stand."""
    methods = {("quantized_students", name, "method"): each.method for name, each in recipe.quantized_students.items()}
    return {
        where: method for where, method in methods.items() if isinstance(method, Training) and hasattr(method, "loss")
    }


def _learns_beside_nobody(recipe: Recipe, attributes: CommentedMap) -> list[Mistake]:
    """A quantized student learns from stored soft labels: no teacher runs beside it."""
    mistakes: list[Mistake] = []
    for where, method in _learning(recipe).items():
        if getattr(method.loss, "needs_teacher", False):
            path, line, value, _ = locate(attributes, (*where, "loss", "type"))
            allowed = "a loss on stored soft labels, such as kd: no teacher runs beside a quantized student"
            mistakes.append(Mistake(line, path, "needs the teacher", shown(value), allowed))
    return mistakes


def _named_like_seeds(recipe: Recipe, attributes: CommentedMap) -> list[Mistake]:
    """In Dagster `small_seed_1` is the student `small` from its second seed."""
    seeds = {name: student.seeds for name, student in recipe.students.items()}
    quantized = {name: seeds.get(stated.student_name, 1) for name, stated in recipe.quantized_students.items()}
    mistakes: list[Mistake] = []
    for section, known in (("students", seeds), ("quantized_students", quantized)):
        taken = {f"{name}_seed_{number}": name for name, count in known.items() for number in range(1, count)}
        for name in taken.keys() & known.keys():
            _, line, _, _ = locate(attributes, (section, name))
            allowed = f"another name: it is that of {taken[name]} from a further seed"
            mistakes.append(Mistake(line, f"{section}.{name}", "a name that is taken", shown(name), allowed))
    return mistakes


def _warns_too_late(recipe: Recipe, attributes: CommentedMap) -> list[Mistake]:
    freshness = recipe.freshness
    if freshness.warn_days < freshness.fail_days:
        return []
    path, line, value, _ = locate(attributes, ("freshness", "warn_days"))
    days = shown(value) if value is not None else f"{freshness.warn_days:g}, the default"
    return [Mistake(line, path, "warns too late", days, f"less than fail_days, which is {freshness.fail_days:g}")]
