"""The champion: the model to ship.

The comparison itself is the stage `compression_ops.stages.champion`; here it is told what the registry holds and what
the gates found, and its decision is carried out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compression_ops.errors import CompressionError
from compression_ops.metric import WORDS, Metric, columns
from compression_ops.stages.champion import Champion
from pipelines.graph import digests
from pipelines.graph.asset import Asset
from pipelines.kinds.decision import Answer, Circumstances
from pipelines.kinds.gate import failing
from pipelines.kinds.kind import Kind, Page, allowed_differences, thresholds
from pipelines.lineage import names
from pipelines.lineage.database import glance
from pipelines.lineage.registry import Origin, Registry, Succession, Version
from pipelines.recipe.sections import Recipe
from pipelines.state.actions.action import Action
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.home import Home
from pipelines.state.materialization import Check, Materialization, Source

INCUMBENT = "incumbent"
_MEASUREMENTS = "measurements"
# All that a candidate is judged by: another threshold asks for another decision.
_THRESHOLDS = (
    "gates.max_export_error",
    "gates.min_integer_share",
    "gates.max_latency_us",
    "benchmark.max_accuracy_drop",
    "benchmark.min_compression",
)


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One, where there is anything to ship."""
    if recipe.quantized_students:
        quantized = tuple(f"quantized_student/{name}" for name in recipe.quantized_students)
        yield Asset(
            name="champion",
            kind="champion",
            parameters=recipe.benchmark.part(Champion, metric=recipe.metric),
            inputs=("dataset", _MEASUREMENTS, *quantized),
            origins={"": "benchmark", "metric": "metric"},
            gates=thresholds(recipe, *_THRESHOLDS) | allowed_differences(recipe),
            is_heavy=True,
        )


def told(folder: Path) -> str:
    """What was decided and why, in words, from an artifact's folder."""
    return str(_read(folder)["words"])


def headline(entry: Materialization) -> str:
    """`kept, candidate's test accuracy 98.44%`."""
    promoted = "promoted" if entry.metrics["promoted"] else "kept"
    metric: Metric = entry.parameters.get("metric", "accuracy")  # entries of earlier versions have none
    found = entry.metrics.get(f"candidate_{columns(metric).value}")
    return promoted + (f", candidate's test {WORDS[metric]} {found:.2%}" if found is not None else "")


def page(folder: Path, entry: Materialization) -> Page:
    """The decision in words first."""
    return Page({"decision": told(folder)}, entry.metrics)


def _read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "decision.json").read_text())


def model_folder(home: Home, recipe: str, registry: Registry, version: Version) -> Path:
    """A folder with the `model.onnx` of a version; of one that MLflow lost, the artifact that it was made from.

    Raises CompressionError if both are gone.
    """
    try:
        return registry.download(version)
    except CompressionError:
        store = ArtifactStore(home.store_url, home.root / "cache")
        for entry in History(home.history).of_asset(recipe, version.asset):
            if entry.digest == version.digest and store.contains(entry.artifact):
                return store.fetch(entry.artifact)
        raise


def undone(home: Home, folder: Path, entry: Materialization) -> str | None:
    """What became of a decision that left a champion, if MLflow has none: somebody deleted it."""
    if _read(folder)["candidate"] is None or glance.has_champion(home, entry.recipe) is not False:
        return None
    return "the MLflow in use has no champion, or has lost its files"


class Promotion:
    """One decision on a recipe's champion, on what an action is given and what the registry holds."""

    def __init__(self, circumstances: Circumstances) -> None:
        self._circumstances = circumstances
        self._recipe = circumstances.graph.recipe
        self._action = circumstances.action
        self._sources = circumstances.action.inputs.sources
        self._registry = Registry(circumstances.home, self._recipe)

    def key(self) -> str:
        """The inputs, the registry's state, and which candidates may not be promoted, and why."""
        return self._key(self._registry.champion())

    def _key(self, incumbent: Version | None) -> str:
        return digests.of_value(
            {
                "action": self._action.key,
                "recipe": self._recipe,
                "incumbent": incumbent and [incumbent.number, incumbent.digest, *self._lost(incumbent)],
                "candidates": self._candidates(),
            }
        )

    def prepared(self) -> Action:
        """The candidates' failed gates and the champion in use beside the recipe's parameters."""
        folders = dict(self._action.inputs.folders)
        incumbent, name = self._registry.champion(), None
        if incumbent is not None:
            folders[INCUMBENT] = model_folder(self._circumstances.home, self._recipe, self._registry, incumbent)
            name = f"version {incumbent.number}"
        parameters = self._action.parameters.changed(candidates=self._candidates(), incumbent=name)
        return replace(self._action, parameters=parameters, inputs=replace(self._action.inputs, folders=folders))

    def answer(self, folder: Path, sources: Mapping[str, Source], experiment_id: str, run_id: str) -> Answer:
        """Register what the stage decided to promote; to commit it makes that version the champion.

        `sources` is what it was made from, as MLflow knows it; the run that decided is one of the experiment.
        """
        decided = _read(folder)
        winner = decided["candidate"]
        if not decided["promoted"]:
            return self._kept(str(decided["words"]), experiment_id, run_id)
        model_id = sources[winner].model_id
        if model_id is None or not self._registry.has_model(model_id):
            origin = Origin(experiment_id, run_id, self._circumstances.graph.assets[winner].values)
            made = self._action.inputs.folders[winner]
            model_id = self._registry.log(winner, sources[winner].digest, made, origin)
        description = self._description(winner, decided, sources, names.run_link("champion", experiment_id, run_id))
        tags = self._tags(winner, run_id, decided)
        successor = self._registry.promote(winner, sources[winner].digest, model_id, tags, description)
        words = f"{winner} is now version {successor.champion.number}, the champion. {decided['words']}"
        return self._crowned(words, successor)

    def _crowned(self, words: str, successor: Succession) -> Answer:
        return Answer(words, self._key(successor.champion), lambda: self._registry.crown(successor))

    def _lost(self, incumbent: Version) -> list[str]:
        """What makes a decision on a champion whose files are lost another one."""
        return [] if self._registry.is_readable(incumbent) else ["lost"]

    def _kept(self, words: str, experiment_id: str, run_id: str) -> Answer:
        """The champion stays, or is recorded anew if its files are lost, which a sentence says."""
        incumbent = self._registry.champion()
        if incumbent is None or not self._lost(incumbent):
            return Answer(words, self._key(incumbent), lambda: None)
        folder = model_folder(self._circumstances.home, self._recipe, self._registry, incumbent)
        renewed = self._registry.renew(incumbent, folder, Origin(experiment_id, run_id, {}))
        told = f"MLflow had lost the files of version {incumbent.number}: it is version {renewed.champion.number} now."
        return self._crowned(f"{words} {told}", renewed)

    def _candidates(self) -> dict[str, list[str]]:
        """{quantized student: why it may not be promoted}; an empty list for one that may."""
        refused = self._registry.rolled_back()
        measured = self._entry(_MEASUREMENTS)
        found: dict[str, list[str]] = {}
        for name in self._quantized():
            entry = self._entry(name)
            reasons = [*failing(entry.checks), *failing(measured.checks, name)]
            if entry.digest in refused:
                reasons.append(refused[entry.digest])
            found[name] = reasons
        return found

    def _quantized(self) -> list[str]:
        return [name for name in self._action.asset.inputs if name not in ("dataset", _MEASUREMENTS)]

    def _entry(self, name: str) -> Materialization:
        entry = self._circumstances.history.latest(self._recipe, name)
        assert entry is not None, "an input was loaded"
        return entry

    def _checks(self, winner: str) -> tuple[Check, ...]:
        return (*self._entry(winner).checks, *(c for c in self._entry(_MEASUREMENTS).checks if c.subject == winner))

    def _tags(self, winner: str, run_id: str, decided: Mapping[str, Any]) -> dict[str, str]:
        source, data = self._sources[winner], self._sources["dataset"]
        return {
            names.RECIPE: self._recipe,
            names.RUN: source.run_id or "",
            names.DECIDED_BY: run_id,
            names.DATASET_DIGEST: data.digest,
            names.DATASET_RUN: data.run_id or "",
            names.PROMOTED_BECAUSE: str(decided["words"]),
            **{names.gate(check.name): "passed" if check.passed else "failed" for check in self._checks(winner)},
        }

    def _description(
        self, winner: str, decided: Mapping[str, Any], sources: Mapping[str, Source], decision: str
    ) -> str:
        """Markdown for the version's page: where it came from, why it is here, what its gates found."""
        source, data, report = sources[winner], sources["dataset"], sources[_MEASUREMENTS]
        lines = [
            str(decided["words"]),  # first and without marks: the table of versions shows the beginning as it stands
            "",
            f"- model: {names.run_link(winner, source.experiment_id, source.run_id)}, digest `{source.digest[:12]}`",
            f"- decision: {decision}",
            f"- measurements: {names.run_link(_MEASUREMENTS, report.experiment_id, report.run_id)}",
            f"- data: {names.run_link('dataset', data.experiment_id, data.run_id)}, digest `{data.digest[:12]}`",
            "",
            "What its gates found:",
            "",
            *(
                f"- **{check.name}** {'passed' if check.passed else '**failed**'}. {check.words}"
                for check in self._checks(winner)
            ),
        ]
        return "\n".join(lines)


KIND = Kind(
    description="The model to ship: the best quantized student that passes every gate, if it beats the one in use.",
    badges=("onnx", "mlflow"),
    assets=assets,
    headline=headline,
    page=page,
    reads_test=True,
    ages=True,
    decide=Promotion,
    undone=undone,
)
