"""What there is to say about a kind of asset. Each other module here that has a `KIND` is one, found by its file name.

A new kind of asset is one module here and one stage; nothing lists it a second time, and nobody else asks for its name.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any, Literal, TypeVar

from compression_ops import implementations, target
from compression_ops.data.augmentation import Augmentation
from compression_ops.data.modalities import known
from compression_ops.errors import DataError
from compression_ops.spec import Spec
from pipelines.graph.asset import GENERATION, OBSERVED, Asset
from pipelines.kinds.decision import Circumstances, Decision
from pipelines.kinds.gate import Gate
from pipelines.observed import generation
from pipelines.observed.files import ObservedFiles
from pipelines.recipe.sections import Recipe
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Page:
    """What Dagster's page of a result begins with.

    words    Markdown by label
    numbers  those whose course over time a reader follows
    rows     a table of records, one a row; its columns are the keys, the most important first
    file     a file of the artifact that MLflow shows by one click
    """

    words: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
    file: str | None = None


def _no_assets(recipe: Recipe) -> Iterable[Asset]:
    return ()


def _no_gates(asset: Asset) -> Iterable[Gate]:
    return ()


def _no_numbers(asset: Asset) -> tuple[str, ...]:
    return ()


def of_training(asset: Asset) -> tuple[str, ...]:
    """The numbers of a network that was trained: of its kept epoch on the validation split."""
    own = f"validation_{asset.values['metric']}"
    return tuple(dict.fromkeys((own, "validation_accuracy", "validation_loss", "parameters", "best_epoch")))


def _numbers_alone(folder: Path, entry: Materialization) -> Page:
    return Page(numbers=entry.metrics)


def _stands(home: Home, folder: Path, entry: Materialization) -> None:
    return None


def two_numbers(entry: Materialization) -> str:
    """The headline of most kinds: its first two numbers."""
    return in_words(entry.metrics, 2)


@dataclass(frozen=True)
class Kind:
    """A kind of asset.

    description  one sentence for Dagster's pages
    badges       Dagster's kinds, shown on the graph's nodes
    assets       a recipe's assets of this kind; none for what is observed
    gates        what judges the result of such an asset
    headline     the one line that a result's numbers come down to
    page         what Dagster's page begins with, from the artifact's folder and the entry
    is_model     whether its artifact is a model, with a page of its own in MLflow
    is_evaluation  whether its numbers are about other models, on whose pages MLflow shows them too
    reads_test   whether it reads the test split
    ages         whether Dagster says when it has grown old
    files        where what is observed is files: where they are and what they are
    searchable   which of its numbers, all of the validation split or of the model alone, a search may ask for
    profiled     what computes in it that `compression profile` can look into: a `training`, or onnxruntime's `sessions`
    decide       opens its decision, where its result depends on an outside state and changes it
    on_device    whether its networks are trained, or label, on the device that the machine has for that
    memory       bytes of the memory that a stage of it takes, with the libraries that it imports
    undone       why the effect of such a decision, in this home, does not stand any more; None if it does
    """

    description: str
    badges: tuple[str, ...]
    assets: Callable[[Recipe], Iterable[Asset]] = _no_assets
    gates: Callable[[Asset], Iterable[Gate]] = _no_gates
    headline: Callable[[Materialization], str] = two_numbers
    page: Callable[[Path, Materialization], Page] = _numbers_alone
    is_model: bool = False
    is_evaluation: bool = False
    reads_test: bool = False
    ages: bool = False
    files: ObservedFiles | None = None
    searchable: Callable[[Asset], tuple[str, ...]] = _no_numbers
    profiled: Literal["training", "sessions"] | None = None
    decide: Callable[[Circumstances], Decision] | None = None
    undone: Callable[[Home, Path, Materialization], str | None] = _stands
    on_device: bool = False
    memory: int = 2 << 30


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by its name, sorted."""
    here = [str(Path(__file__).parent)]
    modules = {name: importlib.import_module(f"pipelines.kinds.{name}") for _, name, _ in pkgutil.iter_modules(here)}
    return {name: module.KIND for name, module in sorted(modules.items()) if hasattr(module, "KIND")}


def named(name: str) -> Kind:
    """The kind of a name: of an asset's `kind`, or of what is observed."""
    return kinds()[name]


def files(name: str) -> ObservedFiles | None:
    """How the files of an input are observed; None for an input that is an asset, or no files."""
    return named(name).files if name in OBSERVED else None


def thresholds(recipe: Recipe, *paths: str) -> dict[str, Any]:
    """What results are judged by that stands at some paths of a recipe (`gates.max_drift`, `metric`)."""
    stated = recipe.model_dump(mode="json", include={path.partition(".")[0] for path in paths})
    return {path: reduce(getitem, path.split("."), stated) for path in paths}


def allowed_share(target: str) -> str:
    """Under which name the share of test samples stands that the asset of a target may classify otherwise."""
    return f"{target}.allowed_differences"


def allowed_differences(recipe: Recipe) -> dict[str, float]:
    """What each target's own module allows: no field of the recipe, but judged by like one."""
    return {
        allowed_share(recipe.target_of(name, spec)): target.allowed_differences(spec)
        for name, quantized in recipe.quantized_students.items()
        for spec in quantized.targets
    }


def seeds(recipe: Recipe) -> tuple[str, ...]:
    """The further input of whatever trains: which generation of seeds, where a schedule asks for new ones."""
    return (GENERATION,) if recipe.schedule is not None and recipe.schedule.reseed else ()


def repeats(name: str, seeds: int) -> Iterator[tuple[str, int]]:
    """(name, what is added to its seed) of an asset and of those that repeat it from further seeds."""
    yield from ((f"{name}/seed_{number}" if number else name, number) for number in range(seeds))


def from_seed(parameters: S, further: int) -> S:
    """A training's parameters from a further seed."""
    return generation.with_seed(parameters, further) if further else parameters


def network_code(architecture: str) -> tuple[str, ...]:
    """The module of an architecture's factory, and the library that publishes it."""
    module = implementations.factory(architecture)[0]
    return (
        (module, architecture.partition(".")[0].partition(":")[0])
        if implementations.is_published(architecture)
        else (module,)
    )


def teacher_code(recipe: Recipe, student: str | None) -> tuple[str, ...]:
    """The modules of the network that teaches: of a student by its name, or of the recipe's teacher."""
    if student is not None:
        return network_code(recipe.students[student].architecture)
    joined = ("compression_ops.models.composite.ensemble",) if recipe.teacher_members else ()
    return (*network_code(recipe.teacher.architecture), *joined)


def modality_code(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Of the module that finds modalities by their names, those of the recipe's samples: whatever asks it for one runs
    these. An edit of another one leaves all that is made of the recipe's samples as it is.
    """
    stated = recipe.dataset.sample_type
    types = known.names() if stated is None else (stated,)
    try:
        return {known.__name__: tuple(map(known.module_name, types))}
    except DataError as error:
        raise DataError(f"sample_type of {implementations.module_name(recipe.dataset)}: {error}") from error


def augmentation_code(augmentation: Augmentation | None) -> tuple[str, ...]:
    """The modules of the augmentations that a recipe chose; an edit of another one leaves its views as they are."""
    chosen = {} if augmentation is None else augmentation.chosen()
    return tuple(implementations.module_name(spec) for name, spec in chosen.items() if name)


def in_words(metrics: Mapping[str, float], count: int) -> str:
    """The first `count` metrics: `validation accuracy 99.31%, parameters 7538`."""
    shown = list(metrics.items())[:count]
    return ", ".join(f"{_words(name)} {_number(name, value)}" for name, value in shown)


def _words(name: str) -> str:
    """`test accuracy`; what stands before a point is a model's name, and stays as it is."""
    subject, _, metric = name.rpartition(".")
    return f"{subject} {metric.replace('_', ' ')}".lstrip()


def _number(name: str, value: float) -> str:
    if name.endswith("points"):
        return f"{value:.2f}"
    if any(word in name for word in ("accuracy", "agreement", "f1_macro")):
        return f"{value:.2%}"
    return f"{int(value)}" if float(value).is_integer() else f"{value:.4g}"
