"""One asset of a recipe: what it is made from, by which stage, on which parameters, and judged by what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from compression_ops.spec import Spec
from pipelines.graph.code_closure import Code

# What is observed and not computed: the raw files, a teacher's trained weights, and how often a schedule has asked for
# new seeds.
RAW_DATA, TEACHER_WEIGHTS, GENERATION = "raw_data", "teacher_weights", "generation"
OBSERVED = (RAW_DATA, TEACHER_WEIGHTS, GENERATION)


@dataclass(frozen=True)
class Asset:
    """One asset of a recipe.

    name          as in the recipe: `teacher`, `student/small`
    kind          its kind, a module of `pipelines.kinds`, and its stage, one of `compression_ops.stages`
    parameters    the stage's own parameters
    inputs        names of the assets (or of what is OBSERVED) that it reads
    origins       where parameters stand in the recipe: a prefix of the parameter's path -> a path in the recipe
    code          modules that the recipe chose for this stage, beside the stage's own
    gates         thresholds that its result, or what it chooses among, is judged by; they enter no computation
    exact_inputs  inputs of which it also reads what differs between identical runs: latencies
    is_repeated   whether it is what another one is, from a further seed: nothing is made of it but comparisons
    is_timed      whether its result depends on how fast a processor is: then it is known on those of one name alone
    targets       what it asks for answers: where this machine cannot run one, a stand-in answers, and what comes out is
                  known on such machines alone
    is_heavy      whether it takes the whole machine, so that no two such stages may run at a time
    named         of a module that imports others by a name which the recipe says: these; they count where that one does
    source        the code on disk, which all assets of a graph share
    """

    name: str
    kind: str
    parameters: Spec
    inputs: tuple[str, ...]
    origins: Mapping[str, str]
    code: tuple[str, ...] = ()
    gates: Mapping[str, Any] = field(default_factory=dict)
    exact_inputs: tuple[str, ...] = ()
    targets: tuple[Spec, ...] = ()
    is_heavy: bool = False
    is_timed: bool = False
    is_repeated: bool = False
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    source: Code = field(default_factory=Code, compare=False, repr=False)

    @property
    def node(self) -> str:
        """Its name in one word, which says what it is wherever it stands alone: `student_small`."""
        return self.name.replace("/", "_")

    @property
    def stage(self) -> str:
        """The module that computes it."""
        return f"compression_ops.stages.{self.kind}"

    @cached_property
    def values(self) -> dict[str, Any]:
        """The parameters as JSON types."""
        return self.parameters.model_dump(mode="json")

    @property
    def code_digests(self) -> dict[str, str]:
        """{module: digest} of all code that the stage runs."""
        return self.source.closure(self._entries, self.named)

    def read_code(self) -> dict[str, str]:
        """As `code_digests`, read from disk now."""
        return self.source.anew().closure(self._entries, self.named)

    @property
    def code_warnings(self) -> tuple[str, ...]:
        """What a user should know of the code: a sentence about the imports that its digests do not cover, if any."""
        lines = sorted(self.source.unseen(self._entries))
        sentence = (
            f"{', '.join(lines)}: imports what the source does not name, so that a change of it marks nothing as out "
            "of date; write its name out, or name its files in the module's RESOURCES"
        )
        return (sentence,) if lines else ()

    @property
    def _entries(self) -> tuple[str, ...]:
        return (self.stage, *self.code)

    def recipe_path(self, parameter: str) -> str:
        """Where a parameter (`loss.temperature`) stands in the recipe (`students.small.loss.temperature`)."""
        for prefix in sorted(self.origins, key=len, reverse=True):
            if not prefix or parameter == prefix or parameter.startswith(prefix + "."):
                rest = parameter[len(prefix) :].lstrip(".")
                return ".".join(part for part in (self.origins[prefix], rest) if part)
        return parameter
