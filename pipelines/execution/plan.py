"""The computation that an asset's recipe and loaded inputs ask for."""

from pipelines.graph.asset import GENERATION, Asset
from pipelines.observed import generation
from pipelines.state import action
from pipelines.state.action import Action, Inputs


def plan(asset: Asset, inputs: Inputs) -> Action:
    """The action; a training that a schedule asks for anew has the seed of its generation."""
    parameters = asset.parameters
    if GENERATION in inputs.sources:
        parameters = generation.seeded(parameters, int(inputs.sources[GENERATION].digest))
    return Action(asset, parameters, inputs, action.key(asset, parameters, inputs.sources))
