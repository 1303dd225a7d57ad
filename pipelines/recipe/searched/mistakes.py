"""What a recipe's `search` says against the rest of it: fields that are not there, values that it refuses itself.

Whether a field is a parameter of anything, and which numbers there are, is known where the graph is (`kinds.search`).
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap

from pipelines.recipe.error import UNKNOWN_KEY, Mistake, nearest, shown
from pipelines.recipe.location import locate
from pipelines.recipe.searched.section import Domain, Search
from pipelines.recipe.sections import Recipe

Refuse = Callable[[CommentedMap], list[Mistake]]
_SCALARS = (bool, int, float, str)


def mistakes(recipe: Recipe, attributes: CommentedMap, refuse: Refuse) -> Iterator[Mistake]:
    """Of the section `search`; `refuse` says what is wrong with a recipe's attributes that have no such section."""
    if recipe.search is None:
        return
    yield from _of_objectives(recipe.search, attributes)
    stated = fields(recipe.model_dump(mode="json", exclude={"search"}))
    for path, domain in recipe.search.fields.items():
        found = [*_of_field(path, stated, attributes), *_of_domain(path, domain, attributes)]
        yield from found or _of_values(path, domain, attributes, refuse)


def fields(section: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"loss": {"type": "kd"}} -> {"loss.type": "kd"}: the fields of a section by their paths."""
    found: dict[str, Any] = {}
    for name, value in section.items():
        found |= fields(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def changed(attributes: CommentedMap, values: Mapping[str, Any]) -> CommentedMap:
    """A copy of a recipe's attributes with fields set, and without the section `search`."""
    without = copy.deepcopy(attributes)
    without.pop("search", None)
    for path, value in values.items():
        *parents, last = path.split(".")
        node: Any = without
        for key in parents:
            if not isinstance(node.get(key), dict):
                node[key] = CommentedMap()
            node = node[key]
        node[last] = value
    return without


def _of_objectives(search: Search, attributes: CommentedMap) -> Iterator[Mistake]:
    if not search.objectives:
        _, line, value, _ = locate(attributes, ("search",))
        allowed = "`maximize` or `minimize`: a number of an asset's validation, as `student/small.validation_accuracy`"
        yield Mistake(line, "search.maximize", "missing", shown(value), allowed)
    for name in sorted({*search.maximize} & {*search.minimize}):
        path, line, _, _ = locate(attributes, ("search", "minimize"))
        yield Mistake(line, path, "stands in both", shown(name), "each number in one of `maximize` and `minimize`")
    for name, limit in search.constraints.items():
        if limit.at_least is None and limit.at_most is None:
            path, line, value, _ = locate(attributes, ("search", "constraints", name))
            yield Mistake(line, path, "limits nothing", shown(value), "`at_most`, `at_least`, or both")
        elif limit.at_least is not None and limit.at_most is not None and limit.at_least > limit.at_most:
            path, line, value, _ = locate(attributes, ("search", "constraints", name, "at_least"))
            allowed = f"at most `at_most`, which is {limit.at_most:g}: no number keeps to both"
            yield Mistake(line, path, "out of range", shown(value), allowed)


def _of_field(path: str, stated: Mapping[str, Any], attributes: CommentedMap) -> Iterator[Mistake]:
    where, line, _, _ = locate(attributes, ("search", "fields", path))
    within = [name for name in stated if name.startswith(f"{path}.")]
    if path.partition(".")[0] == "dataset":
        allowed = "a field of another section: trials are compared on the same images"
        yield Mistake(line, where, "changes the images", path, allowed)
    elif within:
        yield Mistake(line, where, "not a field", f"{path}, a map", f"one of its fields: {', '.join(within)}")
    elif path not in stated:
        section = [name for name in stated if name.rpartition(".")[0] == path.rpartition(".")[0]]
        known = ", ".join(section) or "a field of the recipe by its path, as `students.small.learning_rate`"
        yield Mistake(line, where, "no such field", shown(path), known, nearest(path, list(stated)))
    elif stated[path] is not None and not isinstance(stated[path], _SCALARS):
        yield Mistake(line, where, "not a field", shown(stated[path]), "a field whose value is a number or a word")


def _of_domain(path: str, domain: Domain, attributes: CommentedMap) -> Iterator[Mistake]:
    """Of the form of a domain, whatever the field."""

    def at(key: str, problem: str, found: Any, allowed: str) -> Mistake:
        where, line, _, _ = locate(attributes, ("search", "fields", path, key))
        return Mistake(line, where, problem, shown(found), allowed)

    if domain.choices is not None:
        for key in ("low", "high", "step", "log"):
            if key in domain.model_fields_set:
                yield at(key, "not beside `choices`", getattr(domain, key), "`choices`, or `low` and `high`")
        if len({(type(each), each) for each in domain.choices}) < len(domain.choices):
            yield at("choices", "says a value twice", domain.choices, "each value once")
        return
    if domain.low is None or domain.high is None:
        missing = "low" if domain.low is None else "high"
        _, line, value, _ = locate(attributes, ("search", "fields", path))
        yield Mistake(
            line, f"search.fields.{path}.{missing}", "missing", shown(value), "`low` and `high`; or `choices`"
        )
        return
    if domain.low >= domain.high:
        yield at("low", "out of range", domain.low, f"less than `high`, which is {domain.high:g}")
    if domain.log and domain.low <= 0:
        yield at("low", "out of range", domain.low, "more than 0 with `log: true`")
    if domain.step is not None and domain.log:
        yield at("step", "not beside `log`", domain.step, "`step`, or `log: true`")
    elif domain.step is not None and domain.step > domain.high - domain.low:
        yield at("step", "out of range", domain.step, f"at most {domain.high - domain.low:g}, from `low` to `high`")


def _of_values(path: str, domain: Domain, attributes: CommentedMap, refuse: Refuse) -> Iterator[Mistake]:
    """Values that the recipe itself would refuse: each choice, or both ends; else the first step."""

    def refused(value: Any, stated: Any, *key: str | int) -> Iterator[Mistake]:
        found = refuse(changed(attributes, {path: value}))
        if not found:
            return
        first = found[0]
        where, line, _, _ = locate(attributes, ("search", "fields", path, *key))
        if first.path != path and first.problem == UNKNOWN_KEY:  # another type, which has other fields
            problem = f"has no field `{first.path.rpartition('.')[2]}`"
            allowed = f"one that has {first.path}, which the recipe states; the fields of this one are: "
            yield Mistake(line, where, problem, shown(stated), allowed + first.allowed.removeprefix("one of: "))
        else:
            about = "" if first.path == path else f"{first.path}: "
            yield Mistake(line, where, first.problem, shown(stated), f"{about}{first.allowed}", first.nearest)

    if domain.choices is not None:
        for index, value in enumerate(domain.choices):
            yield from refused(value, value, "choices", index)
        return
    assert domain.low is not None
    ends = [*refused(domain.low, domain.low, "low"), *refused(domain.high, domain.high, "high")]
    yield from ends
    if not ends and domain.step is not None:
        yield from refused(domain.low + domain.step, domain.step, "step")
