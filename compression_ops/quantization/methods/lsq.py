"""Quantization-aware training with learned step sizes, from the teacher's stored soft labels.

Esser et al. 2020, "Learned Step Size Quantization"; Polino, Pascanu & Alistarh 2018, "Model Compression via
Distillation and Quantization", who distil into a quantized student. The formulas: `simulation.learned_step`.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from compression_ops.choices import Contract, one_of
from compression_ops.spec import Spec
from compression_ops.training.hyperparameters import Training

if TYPE_CHECKING:
    import onnx

    from compression_ops.quantization.learned import Learned, Lessons
    from compression_ops.quantization.mapping import QuantizationMapping

_LOSS = Contract(Spec, lambda _: {"loss": 4})


class LSQ(Training):
    """The student goes on learning with its weights and activations rounded, and how coarsely is learned with it."""

    trains: ClassVar[bool] = True

    type: Literal["lsq"] = "lsq"
    loss: one_of("distillation.losses", "type", _LOSS)  # type: ignore[valid-type]


def learn(spec: LSQ, model: "onnx.ModelProto", mapping: "QuantizationMapping", lessons: "Lessons") -> "Learned":
    """Train the weights of the float `model` and the scales of `mapping`, as the integer model computes with them.

    It sees the views that the teacher labelled, each with its own logits, as the student did. Batch norm is folded into
    the weights before, and there is no dropout.
    Raises ModelError if an operator of the model cannot be simulated, the loss stops being finite, cannot weigh classes
    as asked or takes no mixed labels where the views mix; DataError if the soft labels are of another data set.
    """
    from compression_ops.data.views import Views
    from compression_ops.distillation.objective import of_loss, require_class_weights, require_mixed_labels
    from compression_ops.distillation.soft_labels import load_views
    from compression_ops.quantization.learned import Learned
    from compression_ops.quantization.simulation.graph import Simulation
    from compression_ops.training.loop import load_data, train_network
    from compression_ops.training.objective import Objective, ObjectiveOf, supervised

    def labels_alone(network: object) -> Objective:
        return supervised()

    data, views = load_data(lessons.dataset), Views(views=1, seed=spec.seed)
    objective: ObjectiveOf = labels_alone
    if lessons.soft_labels is not None:
        require_class_weights(spec.loss, spec)
        views = load_views(lessons.soft_labels)
        require_mixed_labels(spec.loss, views)
        objective = of_loss(spec.loss, lessons.soft_labels, None, len(data.train), data.description)
    simulation = Simulation(model, mapping)
    trained = train_network(
        lambda: simulation, data, spec, views, objective, lessons.progress, lessons.metric, lessons.device
    )
    return Learned(*simulation.learned(), trained)
