"""Stage: the student without the teacher. Same network, seed, views and budget, so it shows what distillation gains."""

from collections.abc import Mapping
from pathlib import Path

from compression_ops.data.views import Views
from compression_ops.models.choice import NetworkChoice
from compression_ops.stages.stage import Context, StageResult
from compression_ops.training.hyperparameters import Selection, Training


class Control(NetworkChoice, Training, Selection):
    """A student's training, the views that its teacher would have labelled, and by what its epoch is chosen."""

    views: Views


def run(parameters: Control, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Train on labels alone, on the views that the student sees; write `model.safetensors` and `model.json`.

    inputs  `dataset`

    Raises ModelError if the network cannot be built, does not fit the data, or its loss stops being finite; or if
    the device cannot compute in `precision`; DataError if the images do not allow the augmentation.
    """
    from compression_ops.models.network import of_choice, save
    from compression_ops.training.loop import load_data, train_network
    from compression_ops.training.objective import supervised

    data = load_data(inputs["dataset"])
    network = of_choice(parameters, data.description)
    views, metric, progress = parameters.views, parameters.metric, context.progress
    trained = train_network(network, data, parameters, views, lambda _: supervised(), progress, metric, context.device)
    save(context.output, network, trained.model)
    return StageResult.of_training(trained)
