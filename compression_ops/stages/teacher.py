"""Stage: train the large model that the others learn from."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from compression_ops.data.augmentation import Augmentation
from compression_ops.models.choice import NetworkChoice
from compression_ops.stages.stage import Context, StageResult
from compression_ops.training.hyperparameters import Selection, Training


class TeacherTraining(NetworkChoice, Training):
    """The large model that the students learn from."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="Share of the target spread over all classes.")
    augmentation: Augmentation | None = Field(default=None, description="Of the training images; none by default.")


class Teacher(TeacherTraining, Selection):
    """Its training, and by what its epoch is chosen."""


def run(parameters: Teacher, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Train on labels, every epoch on a new draw of the augmentation; write `model.safetensors` and `model.json`.

    inputs  `dataset`

    Raises ModelError if the network cannot be built, does not fit the data, or its loss stops being finite; or if
    this processor cannot compute in `precision`; DataError if the images do not allow the augmentation.
    """
    from compression_ops.data.views import Views
    from compression_ops.models.network import of_choice, save
    from compression_ops.training.loop import load_data, train_network
    from compression_ops.training.objective import supervised

    data = load_data(inputs["dataset"])
    views = Views(views=parameters.epochs, augmentation=parameters.augmentation, seed=parameters.seed)
    network = of_choice(parameters, data.description)
    objective = supervised(parameters.label_smoothing)
    metric, progress = parameters.metric, context.progress
    trained = train_network(network, data, parameters, views, lambda _: objective, progress, metric)
    save(context.output, network, trained.model)
    return StageResult(metrics=trained.metrics, history=trained.history, warnings=trained.warnings)
