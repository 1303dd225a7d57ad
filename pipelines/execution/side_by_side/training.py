"""What a training asks of the machine, before it begins."""

from typing import TYPE_CHECKING

from compression_ops.errors import ModelError
from compression_ops.models.choice import NetworkChoice
from compression_ops.training.hyperparameters import Training
from pipelines.graph.asset import Asset
from pipelines.pipeline import Pipeline
from pipelines.state.actions.action import Action

if TYPE_CHECKING:
    from compression_ops.training.effort import Effort


def of(pipeline: Pipeline, asset: Asset) -> tuple[Training, NetworkChoice] | None:
    """What an asset trains, and which network: its own, or where its method trains one further, that of its input."""
    if isinstance(asset.parameters, Training):
        return asset.parameters, asset.parameters.part(NetworkChoice)
    method = getattr(asset.parameters, "method", None)
    assets = pipeline.graph.assets
    sources = [assets[name].parameters for name in asset.inputs if name in assets]
    choices = [each.part(NetworkChoice) for each in sources if isinstance(each, Training)]
    return (method, choices[0]) if isinstance(method, Training) and choices else None


def effort(pipeline: Pipeline, action: Action) -> "Effort | None":
    """What the training of an action comes to on the processor; None for one that is none."""
    from compression_ops.data.dataset import load_description, load_split
    from compression_ops.models.network import of_choice
    from compression_ops.training import effort as efforts

    found, dataset = of(pipeline, action.asset), action.inputs.folders.get("dataset")
    if found is None or dataset is None:
        return None
    training, choice = found
    description = load_description(dataset)
    try:
        network, samples = of_choice(choice, description), len(load_split(dataset, "train"))
        return efforts.estimate(network, training, description, samples)
    except ModelError:  # what is wrong with it is told when its turn comes
        return None
