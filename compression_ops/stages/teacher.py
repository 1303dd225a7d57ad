"""Stage: train the large model that the others learn from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compression_ops.data.views import Views
from compression_ops.models.network import Network, save
from compression_ops.parameters import read
from compression_ops.progress import ProgressCallback
from compression_ops.stages.stage import StageResult
from compression_ops.training.hyperparameters import Training
from compression_ops.training.loop import load_data, train_network
from compression_ops.training.objective import supervised


def run(
    parameters: Mapping[str, Any], inputs: Mapping[str, Path], output: Path, progress: ProgressCallback
) -> StageResult:
    """Train on labels, every epoch on a new draw of the augmentation; write `model.safetensors` and `model.json`."""
    data = load_data(inputs["dataset"])
    training = read(Training, parameters)
    views = Views.model_validate(
        {"views": training.epochs, "augmentation": parameters.get("augmentation"), "seed": training.seed}
    )
    network = Network(parameters["architecture"], data.description.shape, len(data.description.classes))
    objective = supervised(parameters.get("label_smoothing", 0.0))
    trained = train_network(network, data, training, views, lambda _: objective, progress)
    save(output, network, trained.model)
    return StageResult(metrics=trained.metrics, history=trained.history)
