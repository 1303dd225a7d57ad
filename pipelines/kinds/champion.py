"""Decides which quantized student is shipped: the best that passes every gate, if it beats the present champion.

The comparison itself is the stage `compression_ops.stages.champion`; here it is told what the registry holds and what
the gates found, and its decision is carried out.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.graph import digests
from pipelines.kinds import gates
from pipelines.lineage.registry import Registry
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import Check, Materialization, Source

if TYPE_CHECKING:
    from pipelines.execution.materialize import Action, Workshop

REIGNING = "reigning_champion"
_REPORT = "benchmark_report"
_UNKNOWN = (
    "The MLflow in use does not have its model; set MLFLOW_TRACKING_URI to the one that recorded it, restore its "
    "artifacts, or compute it again in another COMPRESSION_HOME."
)


def told(store: ArtifactStore, entry: Materialization) -> str:
    """What was decided and why, in words. Raises ArtifactUnavailable if that is gone."""
    return str(_read(store.fetch(entry.artifact))["words"])


def _read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "decision.json").read_text())


class Promotion:
    """One decision on a recipe's champion, on what an action is given and what the registry holds."""

    def __init__(self, shop: "Workshop", action: "Action") -> None:
        self._shop = shop
        self._key = action.key
        self._sources = action.inputs.sources
        self._registry = Registry(shop.home, shop.graph.recipe)

    def question(self) -> str:
        """The key under which its answer is known: what is decided on, and the registry's state.

        Once an answer is carried out the same question is another one, on a registry that has this champion already.
        """
        reigning = self._registry.champion()
        return digests.of_value(
            {
                "action": self._key,
                "recipe": self._shop.graph.recipe,
                "reigning": reigning and [reigning.number, reigning.digest],
                "candidates": self._candidates(),
            }
        )

    def prepared(self, action: "Action") -> "Action":
        """The action with what its stage must know beside the recipe: the candidates' failed gates, the champion."""
        folders = dict(action.inputs.folders)
        reigning, name = self._registry.champion(), None
        if reigning is not None:
            folders[REIGNING] = self._registry.download(reigning)
            name = f"version {reigning.number}"
        parameters = {**action.parameters, "candidates": self._candidates(), "reigning": name}
        return replace(action, parameters=parameters, inputs=replace(action.inputs, folders=folders))

    def carry_out(self, folder: Path, sources: Mapping[str, Source], experiment_id: str, run_id: str) -> str:
        """Promote what the stage decided to promote; returns the decision in words.

        `sources` is what it was made from, as MLflow knows it; the run that decided is one of the experiment.
        """
        decided = _read(folder)
        winner = decided["candidate"]
        if not decided["promoted"]:
            return str(decided["words"])
        model_id = sources[winner].model_id
        assert model_id is not None, "else it is no candidate"
        description = self._description(winner, decided, sources, _link("champion", experiment_id, run_id))
        tags = self._tags(winner, run_id, decided)
        version = self._registry.promote(winner, sources[winner].digest, model_id, tags, description)
        return f"{winner} is now version {version.number}, the champion. {decided['words']}"

    def _candidates(self) -> dict[str, list[str]]:
        """{quantized student: why it may not be promoted}; an empty list for one that may."""
        refused = self._registry.rolled_back()
        report = self._entry(_REPORT)
        found: dict[str, list[str]] = {}
        for name in self._quantized():
            entry = self._entry(name)
            reasons = [*gates.failing(entry.checks), *gates.failing(report.checks, name)]
            if entry.digest in refused:
                reasons.append(refused[entry.digest])
            if not self._registry.has_model(self._sources[name].model_id):
                reasons.append(_UNKNOWN)
            found[name] = reasons
        return found

    def _quantized(self) -> list[str]:
        return [name for name, asset in self._shop.graph.assets.items() if asset.kind == "quantized_student"]

    def _entry(self, name: str) -> Materialization:
        entry = self._shop.history.latest(self._shop.graph.recipe, name)
        assert entry is not None, "an input was loaded"
        return entry

    def _checks(self, winner: str) -> tuple[Check, ...]:
        return (*self._entry(winner).checks, *(c for c in self._entry(_REPORT).checks if c.subject == winner))

    def _tags(self, winner: str, run_id: str, decided: Mapping[str, Any]) -> dict[str, str]:
        source, data = self._sources[winner], self._sources["dataset"]
        return {
            "compression.recipe": self._shop.graph.recipe,
            "compression.run_id": source.run_id or "",
            "compression.decided_by": run_id,
            "compression.dataset_digest": data.digest,
            "compression.dataset_run_id": data.run_id or "",
            "compression.promoted_because": str(decided["words"]),
            **{f"gate.{check.name}": "passed" if check.passed else "failed" for check in self._checks(winner)},
        }

    def _description(
        self, winner: str, decided: Mapping[str, Any], sources: Mapping[str, Source], decision: str
    ) -> str:
        """Markdown for the version's page: where it came from, why it is here, what its gates found."""
        source, data, report = sources[winner], sources["dataset"], sources[_REPORT]
        lines = [
            str(decided["words"]),  # first and without marks: the table of versions shows the beginning as it stands
            "",
            f"- model: {_link(winner, source.experiment_id, source.run_id)}, digest `{source.digest[:12]}`",
            f"- decision: {decision}",
            f"- measurements: {_link(_REPORT, report.experiment_id, report.run_id)}",
            f"- data: {_link('dataset', data.experiment_id, data.run_id)}, digest `{data.digest[:12]}`",
            "",
            "What its gates found:",
            "",
            *(
                f"- **{check.name}** {'passed' if check.passed else '**failed**'}. {check.words}"
                for check in self._checks(winner)
            ),
        ]
        return "\n".join(lines)


def _link(words: str, experiment_id: str | None, run_id: str | None) -> str:
    if not run_id:
        return words
    return f"[{words}](#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning)"
