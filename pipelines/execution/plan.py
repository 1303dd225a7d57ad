"""The computation that an asset's recipe and loaded inputs ask for, and whether this machine would ask for another."""

from collections.abc import Mapping
from itertools import chain, combinations

from compression_ops import target
from compression_ops.spec import Spec
from pipelines.graph.asset import GENERATION, Asset
from pipelines.observed import generation
from pipelines.state.actions import action, machine
from pipelines.state.actions.action import Action, Inputs
from pipelines.state.materialization import Materialization, Source


def plan(asset: Asset, inputs: Inputs) -> Action:
    """The action; a training that a schedule asks for anew has the seed of its generation."""
    parameters = _observed(asset, inputs.sources)
    return Action(asset, parameters, inputs, action.key(asset, parameters, inputs.sources))


def outgrown(asset: Asset, entry: Materialization) -> list[str]:
    """The targets for which a stand-in answered when an entry was made that is fresh otherwise, and which run here.

    Nothing is tried, and so no process started, where none did. What was asked of a target itself stays.
    """
    words = sorted({target.word(each) for each in asset.targets if target.has_stand_in(each)})
    if not words:
        return []
    parameters = _observed(asset, entry.inputs)
    for answering in chain.from_iterable(combinations(words, count) for count in range(len(words) + 1)):
        if action.key(asset, parameters, entry.inputs, answering) == entry.action:
            return sorted(set(answering).difference(machine.stand_ins(asset))) if answering else []
    return []


def is_of_another_processor(asset: Asset, entry: Materialization) -> bool:
    """Whether an entry that is fresh otherwise was chosen by the clock of another processor than this machine's."""
    return asset.is_timed and action.key(asset, _observed(asset, entry.inputs), entry.inputs) != entry.action


def _observed(asset: Asset, sources: Mapping[str, Source]) -> Spec:
    found = sources.get(GENERATION)
    return asset.parameters if found is None else generation.seeded(asset.parameters, int(found.digest))
