"""One computation: an asset's stage on what was loaded for it, and the key that it is known by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compression_ops.spec import Spec
from pipelines.graph import digests
from pipelines.graph.asset import GENERATION, Asset
from pipelines.state.actions import machine
from pipelines.state.materialization import Source


@dataclass(frozen=True)
class Inputs:
    """An asset's loaded inputs: folders to read, and what they are."""

    folders: Mapping[str, Path]
    sources: Mapping[str, Source]


@dataclass(frozen=True)
class Action:
    """One computation to be looked up or done.

    `parameters` are the recipe's, with what was observed in them: the generation's seed, the candidates' gates.
    """

    asset: Asset
    parameters: Spec
    inputs: Inputs
    key: str


def key(asset: Asset, parameters: Spec, sources: Mapping[str, Source], stand_ins: Sequence[str] | None = None) -> str:
    """The action's digest. Unlike a derivation it depends on what the inputs *are*, not on how they were made, so an
    input that is made anew with the same content leaves the action known. What was chosen by the clock of another
    processor is not known on this one; what a stand-in answered for a target is not known where that runs.
    `stand_ins` are this machine's, where others are not given.
    """
    answering = machine.stand_ins(asset) if stand_ins is None else stand_ins
    return digests.of_value(
        {
            "stage": asset.kind,
            "parameters": parameters.model_dump(mode="json"),
            "code": asset.code_digests,
            "inputs": {
                name: source.artifact if name in asset.exact_inputs else source.digest
                for name, source in sources.items()
                if name != GENERATION  # it is in the seed
            },
            **({"processor": machine.processor()} if asset.is_timed else {}),
            **({"stand_ins": [*answering]} if answering else {}),
        }
    )
