"""Stage: train the large model that the others learn from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from compression_ops.data.augmentation import Augmentation
from compression_ops.models.choice import NetworkChoice
from compression_ops.stages.stage import Context, StageResult
from compression_ops.training.hyperparameters import Selection, Training

TRAINED = "teacher_weights"


class TeacherTraining(NetworkChoice, Training):
    """The large model that the students learn from."""

    epochs: int = Field(ge=0, le=10_000, description="Passes over the training split; 0 takes `weights` as they are.")
    learning_rate: float = Field(
        default=1e-3, gt=0, le=100, description="Peak learning rate, after the warm-up. Needed where it is trained."
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="Share of the target spread over all classes.")
    augmentation: Augmentation | None = Field(default=None, description="Of the training samples; none by default.")
    freeze: Literal["nothing", "backbone"] = Field(
        default="nothing", description="`backbone`: of trained `weights` the last layer alone is trained further."
    )


class Teacher(TeacherTraining, Selection):
    """Its training, and by what its epoch is chosen."""


def run(parameters: Teacher, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Train on labels, every epoch on a new draw of the augmentation; write `model.safetensors` and `model.json`.

    inputs  `dataset`; `teacher_weights` where it begins with trained weights: the file, which without epochs is taken
            as it is

    Raises ModelError if the network cannot be built, does not fit the data, or its loss stops being finite; if the
    device cannot compute in `precision`; or if the weights are of another network or other classes. Raises DataError if
    the images do not allow the augmentation.
    """
    from compression_ops.data.views import Views
    from compression_ops.models.network import of_choice, save
    from compression_ops.training.loop import load_data, train_network
    from compression_ops.training.objective import supervised
    from compression_ops.training.pretrained import Start

    data = load_data(inputs["dataset"])
    network = of_choice(parameters, data.description)
    start = Start(network, data.description, parameters, inputs.get(TRAINED), parameters.freeze == "backbone")
    if parameters.epochs == 0:
        trained = start.as_it_is(data, parameters.metric)
    else:
        views = Views(views=parameters.epochs, augmentation=parameters.augmentation, seed=parameters.seed)
        objective = supervised(parameters.label_smoothing)
        metric, progress = parameters.metric, context.progress
        trained = train_network(
            start.model, data, parameters, views, lambda _: objective, progress, metric, context.device
        )
    save(context.output, network, trained.model)
    return StageResult.of_training(trained, start.warnings)
