"""Stage: train a small model on the teacher's stored soft labels; only a loss that needs the teacher itself runs it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compression_ops import implementations
from compression_ops.distillation.objective import of_loss
from compression_ops.distillation.soft_labels import load_views
from compression_ops.models.network import Network, save
from compression_ops.parameters import read
from compression_ops.progress import ProgressCallback
from compression_ops.stages.stage import StageResult
from compression_ops.training.hyperparameters import Training
from compression_ops.training.loop import load_data, train_network


def run(
    parameters: Mapping[str, Any], inputs: Mapping[str, Path], output: Path, progress: ProgressCallback
) -> StageResult:
    """Train on the views that the teacher labelled, each with its own logits; write the model as `teacher` does."""
    data = load_data(inputs["dataset"])
    training = read(Training, parameters)
    network = Network(parameters["architecture"], data.description.shape, len(data.description.classes))
    loss = implementations.spec_of("distillation.losses", parameters["loss"]["type"]).model_validate(parameters["loss"])
    objective = of_loss(loss, inputs["soft_labels"], inputs.get("teacher"), len(data.train), data.description)
    views = load_views(inputs["soft_labels"])
    trained = train_network(network, data, training, views, objective, progress)
    save(output, network, trained.model)
    return StageResult(metrics=trained.metrics, history=trained.history)
