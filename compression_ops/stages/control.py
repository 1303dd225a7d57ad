"""Stage: the student without the teacher. Same network, seed, views and budget, so it shows what distillation gains."""

from collections.abc import Mapping
from pathlib import Path

from compression_ops.data.views import Views
from compression_ops.stages.stage import Context, StageResult
from compression_ops.training.hyperparameters import Training


class Control(Training):
    """A student's training, and the views that its teacher would have labelled."""

    views: Views


def run(parameters: Control, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Train on labels alone, on the views that the student sees; write `model.safetensors` and `model.json`.

    inputs  `dataset`

    Raises ModelError if the network cannot be built, does not fit the data, or its loss stops being finite.
    """
    from torch.nn.functional import cross_entropy

    from compression_ops.models.network import Network, save
    from compression_ops.training.loop import Objective, load_data, train_network

    data = load_data(inputs["dataset"])
    network = Network(parameters.architecture, data.description.shape, len(data.description.classes))
    objective = Objective(targets=lambda epoch: (data.train.labels,), loss=cross_entropy)
    trained = train_network(network, data, parameters, parameters.views, objective, context.progress)
    save(context.output, network, trained.model)
    return StageResult(metrics=trained.metrics, history=trained.history)
