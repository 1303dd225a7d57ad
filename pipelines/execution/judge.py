"""What an asset's gates find in its result."""

from dataclasses import replace

from pipelines.graph.asset import Asset
from pipelines.kinds import kind
from pipelines.kinds.gate import Evidence
from pipelines.pipeline import Pipeline
from pipelines.state.materialization import Materialization


def judged(pipeline: Pipeline, asset: Asset, entry: Materialization) -> Materialization:
    """The entry with what its gates find; also of a reused result, since thresholds may have changed since."""
    evidence = Evidence(asset, entry, pipeline.history, pipeline.store)
    checks = tuple(gate.judge(gate, evidence) for gate in kind.named(asset.kind).gates(asset))
    return replace(entry, gates=dict(asset.gates), checks=checks)
