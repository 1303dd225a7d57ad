"""Stage: train a small model on the teacher's stored soft labels, or beside the teacher if its loss needs it."""

from collections.abc import Mapping
from pathlib import Path

from compression_ops.choices import Contract, one_of
from compression_ops.models.choice import NetworkChoice
from compression_ops.spec import Spec
from compression_ops.stages.stage import Context, StageResult, of_kind
from compression_ops.training.hyperparameters import Selection, Training


def _functions(spec: type[Spec]) -> dict[str, int]:
    """See `distillation.objective`."""
    return {"objective": 4} if getattr(spec, "needs_teacher", False) else {"loss": 4}


LOSS = Contract(Spec, _functions)


class StudentTraining(NetworkChoice, Training):
    """A small model that learns from the soft labels."""

    loss: one_of("distillation.losses", "type", LOSS)  # type: ignore[valid-type]


class Student(StudentTraining, Selection):
    """Its training, and by what its epoch is chosen."""


def run(parameters: Student, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Train on the views that the teacher labelled, each with its own logits; write the model as `teacher` does.

    inputs  `dataset`; `soft_labels`, or those of a student that teaches, `soft_labels/medium`; and where the loss needs
            the teacher itself, that: `teacher`, or `student/medium`

    Raises ModelError if the network cannot be built, does not fit the data, or its loss stops being finite, if the
    loss needs a teacher that is no input, cannot weigh classes as asked or takes no mixed labels where the views mix,
    or if this processor cannot compute in `precision`; DataError if the soft labels are those of another data set.
    """
    from compression_ops.distillation.objective import of_loss, require_class_weights, require_mixed_labels
    from compression_ops.distillation.soft_labels import load_views
    from compression_ops.models.network import of_choice, save
    from compression_ops.training.loop import load_data, train_network

    require_class_weights(parameters.loss, parameters)
    data = load_data(inputs["dataset"])
    labels = of_kind(inputs, "soft_labels") or inputs["soft_labels"]
    views = load_views(labels)
    require_mixed_labels(parameters.loss, views)
    network = of_choice(parameters, data.description)
    teacher = of_kind(inputs, "teacher", "student")
    objective = of_loss(parameters.loss, labels, teacher, len(data.train), data.description)
    metric, progress, device = parameters.metric, context.progress, context.device
    trained = train_network(network, data, parameters, views, objective, progress, metric, device)
    save(context.output, network, trained.model)
    return StageResult.of_training(trained)
