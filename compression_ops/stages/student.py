"""Stage: train a small model on the teacher's stored soft labels."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops import implementations
from compression_ops.stages.stage import Context, StageResult
from compression_ops.training.hyperparameters import Training

if TYPE_CHECKING:
    from torch import Tensor


class Student(Training):
    """A small model that learns from the soft labels."""

    loss: implementations.one_of("distillation.losses", "type")  # type: ignore[valid-type]


def run(parameters: Student, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Train on the views that the teacher labelled, each with its own logits; write the model as `teacher` does.

    inputs  `dataset`, `soft_labels`

    Raises ModelError if the network cannot be built, does not fit the data, or its loss stops being finite; DataError
    if the soft labels are those of another data set.
    """
    from compression_ops.distillation.soft_labels import load_logits, load_views
    from compression_ops.models.network import Network, save
    from compression_ops.training.loop import Objective, load_data, train_network

    data = load_data(inputs["dataset"])
    folder = inputs["soft_labels"]
    views = load_views(folder)
    classes = len(data.description.classes)
    network = Network(parameters.architecture, data.description.shape, classes)

    def targets(epoch: int) -> "tuple[Tensor, ...]":
        return load_logits(folder, views.of_epoch(epoch), len(data.train), classes), data.train.labels

    objective = Objective(targets, partial(implementations.module_of(parameters.loss).loss, parameters.loss))
    trained = train_network(network, data, parameters, views, objective, context.progress)
    save(context.output, network, trained.model)
    return StageResult(metrics=trained.metrics, history=trained.history)
