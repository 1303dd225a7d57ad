"""Stage: trained networks as one, whose logits are the mean of theirs."""

from collections.abc import Mapping
from pathlib import Path

from compression_ops.stages.stage import Context, StageResult
from compression_ops.training.hyperparameters import Selection


class Ensemble(Selection):
    """By what it is judged on the validation split; its members' parameters are their own."""


def run(parameters: Ensemble, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `model.safetensors` and `model.json`, a network as any other (see `models.composite.ensemble`).

    inputs  `dataset`, and a folder with a saved network for each member, all of one architecture

    Raises ModelError if the members are different networks.
    """
    import torch

    from compression_ops.models.composite import ensemble
    from compression_ops.models.network import load, load_network, save
    from compression_ops.progress import Progress
    from compression_ops.training.determinism import deterministic
    from compression_ops.training.loop import load_data, validate

    folders = [folder for name, folder in inputs.items() if name != "dataset"]
    network = ensemble.network_of([load_network(folder) for folder in folders])
    data = load_data(inputs["dataset"])
    with deterministic(0, torch.device("cpu")):
        model = ensemble.Ensemble([load(folder) for folder in folders]).eval()
        found = validate(model, data.validation, data.description, parameters.metric)
    save(context.output, network, model)
    context.progress(Progress("members joined", 1, 1, found))
    weights = sum(parameter.numel() for parameter in model.parameters())
    return StageResult({**found, "parameters": float(weights), "members": float(len(folders))})
