"""The graph of a recipe: its assets, what each is made from and judged by, and the derivation of each.

A *derivation* is the digest of how an asset is made: its stage's own parameters, the code that the stage runs and the
derivations of its inputs (Dolstra 2006, "The Purely Functional Software Deployment Model", on a recipe's graph).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from compression_ops import implementations
from compression_ops.models import network
from pipelines.graph import code_closure, digests
from pipelines.kinds.kind import KINDS
from pipelines.recipe.sections import Recipe, Student

# What is observed and not computed: the raw files, and how often a schedule has asked for new seeds.
RAW_DATA, GENERATION = "raw_data", "generation"
OBSERVED = (RAW_DATA, GENERATION)


@dataclass(frozen=True)
class Asset:
    """One asset of a recipe.

    name          as in the recipe: `teacher`, `student/small`
    kind          the stage that makes it: a module of `compression_ops.stages`
    parameters    the stage's own parameters, JSON types
    inputs        names of the assets (or of what is OBSERVED) that it reads
    origins       where parameters stand in the recipe: a prefix of the parameter's path -> a path in the recipe
    code          modules that the recipe chose for this stage, beside the stage's own
    gates         thresholds that its result, or what it chooses among, is judged by; they enter no computation
    """

    name: str
    kind: str
    parameters: Mapping[str, Any]
    inputs: tuple[str, ...]
    origins: Mapping[str, str]
    code: tuple[str, ...] = ()
    gates: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def code_digests(self) -> dict[str, str]:
        """{module: digest} of all code that the stage runs."""
        return self.read_code()

    def read_code(self) -> dict[str, str]:
        """As `code_digests`, read from disk now."""
        return code_closure.closure([f"compression_ops.stages.{self.kind}", *self.code])

    def recipe_path(self, parameter: str) -> str:
        """Where a parameter (`loss.temperature`) stands in the recipe (`students.small.loss.temperature`)."""
        for prefix in sorted(self.origins, key=len, reverse=True):
            if not prefix or parameter == prefix or parameter.startswith(prefix + "."):
                rest = parameter[len(prefix) :].lstrip(".")
                return ".".join(part for part in (self.origins[prefix], rest) if part)
        return parameter


@dataclass(frozen=True)
class Graph:
    """All assets of one recipe in an order in which they can be computed."""

    recipe: str
    assets: Mapping[str, Asset]

    @cached_property
    def derivations(self) -> dict[str, str]:
        """{asset: derivation}; what is observed has none, since its content is not derived."""
        found: dict[str, str] = {}
        for name, asset in self.assets.items():
            found[name] = digests.of_value(
                {
                    "stage": asset.kind,
                    "parameters": dict(asset.parameters),
                    "code": asset.code_digests,
                    "inputs": {upstream: found.get(upstream, upstream) for upstream in asset.inputs},
                }
            )
        return found

    @cached_property
    def versions(self) -> dict[str, str]:
        """{asset: code version}: its derivation and its gates. Another threshold marks what it judges."""
        return {
            name: digests.of_value([self.derivations[name], dict(asset.gates)]) for name, asset in self.assets.items()
        }

    def upstream(self, name: str) -> list[str]:
        """The asset and all that it is made from, in order of computation."""
        wanted = {name}
        for candidate in reversed(list(self.assets)):
            if candidate in wanted:
                wanted.update(self.assets[candidate].inputs)
        return [candidate for candidate in self.assets if candidate in wanted]


def build(recipe_name: str, recipe: Recipe) -> Graph:
    """The graph of a recipe."""
    assets = [_dataset(recipe), _teacher(recipe), _soft_labels(recipe)]
    for name, student in recipe.students.items():
        assets.append(_student(name, student, recipe))
        if student.control:
            assets.append(_control(name, student, recipe))
    assets += [_quantized_student(name, recipe) for name in recipe.quantized_students]
    assets.append(_benchmark_report(recipe))
    if recipe.quantized_students:
        assets.append(_champion(recipe))
    return Graph(recipe_name, {asset.name: asset for asset in assets})


def _dataset(recipe: Recipe) -> Asset:
    parameters = recipe.dataset.model_dump(mode="json")
    chosen = implementations.module_name("data.sources", parameters["source"])
    return Asset("dataset", "dataset", parameters, (RAW_DATA,), {"": "dataset"}, (chosen,), _gates(recipe, "dataset"))


def _teacher(recipe: Recipe) -> Asset:
    parameters = recipe.teacher.model_dump(mode="json")
    code = (_architecture(recipe.teacher.architecture),)
    inputs = ("dataset", *_seeded(recipe))
    return Asset("teacher", "teacher", parameters, inputs, {"": "teacher"}, code, _gates(recipe, "teacher"))


def _soft_labels(recipe: Recipe) -> Asset:
    parameters = recipe.soft_labels.model_dump(mode="json")
    code = (_architecture(recipe.teacher.architecture),)
    return Asset("soft_labels", "soft_labels", parameters, ("dataset", "teacher"), {"": "soft_labels"}, code)


def _student(name: str, student: Student, recipe: Recipe) -> Asset:
    parameters = student.model_dump(mode="json", exclude={"control"})
    code = (
        _architecture(student.architecture),
        implementations.module_name("distillation.losses", parameters["loss"]["type"]),
    )
    origins = {"": f"students.{name}"}
    inputs = ("dataset", "soft_labels", *_seeded(recipe))
    return Asset(f"student/{name}", "student", parameters, inputs, origins, code, _gates(recipe, "student"))


def _control(name: str, student: Student, recipe: Recipe) -> Asset:
    parameters = student.model_dump(mode="json", exclude={"control", "loss"})
    parameters["views"] = recipe.soft_labels.model_dump(mode="json")
    origins = {"": f"students.{name}", "views": "soft_labels"}
    code = (_architecture(student.architecture),)
    return Asset(f"control/{name}", "control", parameters, ("dataset", *_seeded(recipe)), origins, code)


def _quantized_student(name: str, recipe: Recipe) -> Asset:
    quantized = recipe.quantized_students[name]
    parameters = quantized.model_dump(mode="json", exclude={"student"})
    code = (
        _architecture(recipe.students[quantized.student].architecture),
        implementations.module_name("quantization.calibration", parameters["calibration"]["method"]),
    )
    inputs = ("dataset", f"student/{quantized.student}")
    origins = {"": f"quantized_students.{name}"}
    gates = _gates(recipe, "quantized_student")
    return Asset(f"quantized_student/{name}", "quantized_student", parameters, inputs, origins, code, gates)


def _benchmark_report(recipe: Recipe) -> Asset:
    parents: dict[str, str | None] = {"teacher": None}
    for name, student in recipe.students.items():
        parents[f"student/{name}"] = "teacher"
        if student.control:
            parents[f"control/{name}"] = f"student/{name}"
    for name, quantized in recipe.quantized_students.items():
        parents[f"quantized_student/{name}"] = f"student/{quantized.student}"
    parameters = {**recipe.benchmark.model_dump(mode="json"), "models": parents}
    architectures = {recipe.teacher.architecture, *(student.architecture for student in recipe.students.values())}
    code = tuple(_architecture(architecture) for architecture in sorted(architectures))
    origins = {"": "benchmark", "models": "the recipe's models"}
    inputs, gates = ("dataset", *parents), _gates(recipe, "benchmark_report")
    return Asset("benchmark_report", "benchmark_report", parameters, inputs, origins, code, gates)


def _champion(recipe: Recipe) -> Asset:
    quantized = tuple(f"quantized_student/{name}" for name in recipe.quantized_students)
    parameters = {"threads": recipe.benchmark.threads, "iterations": recipe.benchmark.iterations}
    inputs, gates = ("dataset", "benchmark_report", *quantized), _gates(recipe, "champion")
    return Asset("champion", "champion", parameters, inputs, {"": "benchmark"}, (), gates)


def _gates(recipe: Recipe, kind: str) -> dict[str, Any]:
    """The thresholds that assets of a kind are judged by, under their paths in the recipe."""
    thresholds = recipe.gates.model_dump(mode="json")
    return {f"gates.{name}": thresholds[name] for name in KINDS[kind].gates}


def _seeded(recipe: Recipe) -> tuple[str, ...]:
    """The further input of whatever trains: which generation of seeds, where a schedule asks for new ones."""
    return (GENERATION,) if recipe.schedule is not None and recipe.schedule.reseed else ()


def _architecture(architecture: str) -> str:
    return network.implementation(architecture)[0]
