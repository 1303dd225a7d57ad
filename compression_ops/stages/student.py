"""Stage: train a small model on the teacher's stored soft labels; no teacher runs here."""

import importlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from compression_ops.distillation.soft_labels import load_logits, load_views
from compression_ops.models.network import Network, save
from compression_ops.parameters import read
from compression_ops.progress import ProgressCallback
from compression_ops.stages.stage import StageResult
from compression_ops.training.hyperparameters import Training
from compression_ops.training.loop import Objective, load_data, train_network


def run(
    parameters: Mapping[str, Any], inputs: Mapping[str, Path], output: Path, progress: ProgressCallback
) -> StageResult:
    """Train on the views that the teacher labelled, each with its own logits; write the model as `teacher` does."""
    data = load_data(inputs["dataset"])
    training = read(Training, parameters)
    folder = inputs["soft_labels"]
    views = load_views(folder)
    classes = len(data.description.classes)
    network = Network(parameters["architecture"], data.description.shape, classes)
    method = importlib.import_module(f"compression_ops.distillation.losses.{parameters['loss']['type']}")

    def targets(epoch: int) -> tuple[Tensor, ...]:
        return load_logits(folder, views.of_epoch(epoch), len(data.train), classes), data.train.labels

    objective = Objective(targets, partial(method.loss, method.Spec.model_validate(parameters["loss"])))
    trained = train_network(network, data, training, views, objective, progress)
    save(output, network, trained.model)
    return StageResult(metrics=trained.metrics, history=trained.history)
