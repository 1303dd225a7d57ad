"""What a recipe's `search` asks of its graph: numbers of assets that are there, by fields that change these assets."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compression_ops.training.hyperparameters import Training
from pipelines.graph.asset import Asset
from pipelines.graph.flatten import flatten
from pipelines.graph.graph import Graph
from pipelines.kinds import kind
from pipelines.recipe.document import plain
from pipelines.recipe.error import Mistake, RecipeError, nearest, shown
from pipelines.recipe.file import RecipeFile, displayed
from pipelines.recipe.location import locate
from pipelines.recipe.searched.mistakes import changed
from pipelines.recipe.searched.section import Search
from pipelines.recipe.sections import Recipe


def asked(search: Search, graph: Graph) -> list[str]:
    """The assets that a trial computes, in an order in which they can be: what constraints ask for comes first, so that
    a trial which breaks one stops before the rest.
    """
    wanted = [number.rpartition(".")[0] for number in (*search.constraints, *search.objectives)]
    return list(dict.fromkeys(above for name in wanted for above in graph.upstream(name)))


@dataclass(frozen=True)
class Watched:
    """What a trial is judged by while its networks train.

    metric  of each epoch: `validation_accuracy`
    before  by the asset that trains, how many epochs of the trial come before its own
    """

    metric: str
    before: Mapping[str, int]


_MODELS = ("teacher", "soft_labels", "students", "quantized_students")  # what no asset has of these shapes the graph
_BETTER = {"validation_loss": "minimize"}  # of each epoch; all others are maximized


def watched(search: Search, graph: Graph) -> Watched | None:
    """The trainings that lead to the one number that is searched for: its asset's own, and that of the network which
    its asset is made of. None where there are several objectives, or one that no epoch has.
    """
    if search.pruner == "none" or len(search.objectives) != 1:
        return None
    ((number, direction),) = search.objectives.items()
    name, _, metric = number.rpartition(".")
    if not metric.startswith("validation_") or _BETTER.get(metric, "maximize") != direction:
        return None
    epochs = {each: _epochs(graph.assets[each]) for each in (*_made_of(graph, name), name)}
    trained = {each: count for each, count in epochs.items() if count}
    before = {each: sum(list(trained.values())[:index]) for index, each in enumerate(trained)}
    return Watched(metric, before) if before else None


def _made_of(graph: Graph, name: str) -> list[str]:
    """The trained networks that something which is no training of its own is made of."""
    asset = graph.assets[name]
    return [] if isinstance(asset.parameters, Training) else [each for each in asset.inputs if _trains(graph, each)]


def _trains(graph: Graph, name: str) -> bool:
    return name in graph.assets and isinstance(graph.assets[name].parameters, Training)


def _epochs(asset: Asset) -> int:
    """Of its own training, or of its method's."""
    for training in (asset.parameters, getattr(asset.parameters, "method", None)):
        if isinstance(training, Training):
            return training.epochs
    return 0


def check(file: RecipeFile, graph: Graph) -> None:
    """Raises RecipeError for numbers that no asset has or that read the test split, and fields that change nothing."""
    mistakes = [*_of_numbers(file, graph)]
    mistakes = mistakes or [*_of_fields(file, graph)]
    mistakes = mistakes or [*_of_values(file)]
    if mistakes:
        raise RecipeError(displayed(file.path), mistakes)


def lacking(search: Search, graph: Graph) -> list[str]:
    """The numbers that it asks for and that this graph, which is a trial's, has not: other values of a field may have
    them alone.
    """
    return _lacking(search, _numbers(graph.assets.values()))


def fields(asset: Asset) -> set[str]:
    """The fields of the recipe that are parameters of an asset."""
    return {asset.recipe_path(parameter) for parameter in flatten(asset.values)}


def _of_numbers(file: RecipeFile, graph: Graph) -> Iterator[Mistake]:
    search = file.recipe.search
    if search is None:
        return
    stated = [(("maximize",), name) for name in search.maximize] + [(("minimize",), name) for name in search.minimize]
    for where, name in [*stated, *((("constraints", name), name) for name in search.constraints)]:
        path, line, _, _ = locate(file.attributes, ("search", *where))
        found = _mistake(name, graph)
        if found is not None:
            problem, allowed, close = found
            yield Mistake(line, path, problem, shown(name), allowed, close)


def _mistake(name: str, graph: Graph) -> tuple[str, str, str | None] | None:
    """(problem, what is allowed, what was meant) of a number; None if it can be asked for."""
    numbers = _numbers(graph.assets.values())
    asset, _, metric = name.rpartition(".")
    if asset in graph.assets and any(kind.named(graph.assets[each].kind).reads_test for each in graph.upstream(asset)):
        words = "a number of the validation split, since what is chosen by the test split cannot be measured on it"
        return "reads the test split", f"{words}: {_listed(numbers)}", None
    if asset in graph.assets and numbers[asset]:
        known = numbers[asset]
        return (
            None if metric in known else ("no such number", f"of {asset}: {', '.join(known)}", nearest(metric, known))
        )
    everything = [f"{known}.{each}" for known, metrics in numbers.items() for each in metrics]
    problem = "has no numbers to search by" if asset in graph.assets else "no such asset"
    return problem, f"<asset>.<number>, of {_listed(numbers)}", nearest(name, everything)


def _numbers(assets: Iterable[Asset]) -> dict[str, tuple[str, ...]]:
    return {asset.name: kind.named(asset.kind).searchable(asset) for asset in assets}


def _lacking(search: Search, numbers: Mapping[str, tuple[str, ...]]) -> list[str]:
    parts = ((number, *number.rpartition(".")[::2]) for number in search.numbers)
    return [number for number, asset, metric in parts if metric not in numbers.get(asset, ())]


def _of_values(file: RecipeFile) -> Iterator[Mistake]:
    """Choices and ends with which the recipe has not all numbers that are asked for, each tried by itself."""
    search = file.recipe.search
    if search is None:
        return
    for field, domain in search.fields.items():
        ends = {("low",): domain.low, ("high",): domain.high}
        tried = ends if domain.choices is None else {("choices", at): each for at, each in enumerate(domain.choices)}
        for key, value in tried.items():
            recipe = Recipe.model_validate(plain(changed(file.attributes, {field: value})))
            numbers = _numbers(asset for each in kind.kinds().values() for asset in each.assets(recipe))
            if missing := _lacking(search, numbers):
                path, line, _, _ = locate(file.attributes, ("search", "fields", field, *key))
                asset = missing[0].rpartition(".")[0]
                allowed = f"what leaves {asset} that number; with this it has {', '.join(numbers.get(asset, ()))}"
                yield Mistake(line, path, f"has no {missing[0]}", shown(value), allowed)


def _listed(numbers: dict[str, tuple[str, ...]]) -> str:
    return ", ".join(asset for asset, metrics in numbers.items() if metrics)


def _of_fields(file: RecipeFile, graph: Graph) -> Iterator[Mistake]:
    search = file.recipe.search
    if search is None:
        return
    by_asset = {name: fields(asset) for name, asset in graph.assets.items()}
    wanted = asked(search, graph)
    useful = sorted({field for name in wanted for field in by_asset[name] if not field.startswith("dataset.")})
    for field in search.fields:
        if field in useful:
            continue
        path, line, _, _ = locate(file.attributes, ("search", "fields", field))
        owners = [name for name, known in by_asset.items() if field in known]
        able = ", ".join(name for name in wanted if not by_asset[name].isdisjoint(useful))
        allowed = f"a parameter of {able}"
        if owners:
            found = f"{field}, of {', '.join(owners)}"
            yield Mistake(line, path, "changes none of the numbers", found, allowed, nearest(field, useful))
        elif field.partition(".")[0] in _MODELS:
            found = f"{field}, which says what there is to compute and from what"
            yield Mistake(line, path, "changes the graph, which a search keeps", found, allowed)
        else:
            found = f"{field}, which no result is computed from"
            yield Mistake(line, path, "not a parameter", found, allowed, nearest(field, useful))
