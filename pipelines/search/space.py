"""What a search may choose: a distribution of Optuna's for each field, and the settings that it begins with."""

import math
from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

from pipelines.recipe import file as recipe_file
from pipelines.recipe.file import RecipeFile
from pipelines.recipe.searched.section import Domain, Search

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution


def distributions(file: RecipeFile, search: Search) -> "dict[str, BaseDistribution]":
    """{field: its distribution}; whole numbers where the recipe takes no others (see `_is_whole`)."""
    return {field: _distribution(domain, _is_whole(file, field, domain)) for field, domain in search.fields.items()}


def fractional(file: RecipeFile, search: Search) -> list[str]:
    """The fields whose domain begins with a whole number and that take fractions by what else is said of them alone:
    by its end, its step, or what the recipe says now. Those are another search than the same domain in whole numbers.
    """
    ranges = {field: domain for field, domain in search.fields.items() if domain.choices is None}
    begun = [field for field, domain in ranges.items() if isinstance(_value(file, field, domain.low), int)]
    return [field for field in begun if not _is_whole(file, field, ranges[field])]


def present(file: RecipeFile, search: Search) -> dict[str, Any]:
    """{field: what the recipe says}, defaults included."""
    return {field: _read(file, field) for field in search.fields}


def canonical(search: Search) -> dict[str, Any]:
    """A setting that stands for all: it depends on the search alone, and not on what the fields are now."""
    return {field: _first(domain) for field, domain in search.fields.items()}


def contains(space: "Mapping[str, BaseDistribution]", values: Mapping[str, Any]) -> bool:
    """Whether a setting is one that the search may choose."""
    from optuna.distributions import CategoricalDistribution

    for field, domain in space.items():
        value = values[field]
        if isinstance(domain, CategoricalDistribution):
            if not any(type(choice) is type(value) and choice == value for choice in domain.choices):
                return False
        elif isinstance(value, bool) or not isinstance(value, int | float) or not _reaches(domain, value):
            return False
    return True


def suggest(trial: "Trial", field: str, domain: "BaseDistribution") -> None:
    """Let the sampler choose one field of a trial; what was chosen for it already stands."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(domain, CategoricalDistribution):
        trial.suggest_categorical(field, domain.choices)
    elif isinstance(domain, IntDistribution):
        trial.suggest_int(field, domain.low, domain.high, step=domain.step, log=domain.log)
    else:
        assert isinstance(domain, FloatDistribution)
        trial.suggest_float(field, domain.low, domain.high, step=domain.step, log=domain.log)


def _reaches(domain: "BaseDistribution", value: float) -> bool:
    """Whether a number lies within, on one of the steps if there are any."""
    from optuna.distributions import FloatDistribution, IntDistribution

    assert isinstance(domain, FloatDistribution | IntDistribution)
    steps = 0.0 if domain.step is None else (value - domain.low) / domain.step
    return domain.low <= value <= domain.high and math.isclose(steps, round(steps), abs_tol=1e-9)


def size(space: "Mapping[str, BaseDistribution]") -> float:
    """How many settings there are; infinite where a field is a number without steps."""
    return math.prod(_count(domain) for domain in space.values())


def _count(domain: "BaseDistribution") -> float:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(domain, CategoricalDistribution):
        return len(domain.choices)
    assert isinstance(domain, FloatDistribution | IntDistribution)
    return math.inf if domain.step is None else round((domain.high - domain.low) / domain.step) + 1


def _is_whole(file: RecipeFile, field: str, domain: Domain) -> bool:
    """Whether both ends, as the recipe understands them, the first step and what it says now are no fractions."""
    if domain.low is None or domain.high is None or isinstance(_read(file, field), float):
        return False
    tried = [domain.low, domain.high, *(() if domain.step is None else (domain.low + domain.step,))]
    return all(isinstance(_value(file, field, value), int) for value in tried)


def _distribution(domain: Domain, is_whole: bool) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if domain.choices is not None:
        return CategoricalDistribution(domain.choices)
    assert domain.low is not None
    assert domain.high is not None
    if is_whole:
        step = domain.step or 1
        steps = (domain.high - domain.low) // step
        return IntDistribution(domain.low, domain.low + steps * step, log=domain.log, step=step)
    low, high = float(domain.low), float(domain.high)
    if domain.step is None:
        return FloatDistribution(low, high, log=domain.log)
    steps = math.floor((high - low) / domain.step + 1e-9)
    return FloatDistribution(low, low + steps * domain.step, step=domain.step)


def _first(domain: Domain) -> Any:
    return domain.low if domain.choices is None else domain.choices[0]


def _value(file: RecipeFile, field: str, value: Any) -> Any:
    """A value as the recipe understands it."""
    return _read(recipe_file.with_values(file, {field: value}), field)


def _read(file: RecipeFile, field: str) -> Any:
    stated = file.recipe.model_dump(mode="json")
    return reduce(lambda section, key: section[key], field.split("."), stated)
