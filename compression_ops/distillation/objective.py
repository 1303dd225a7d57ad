"""The objective of a student, as its loss defines it: on the stored soft labels, or with the teacher itself.

A loss is one module of `compression_ops.distillation.losses`, or one of the user's own, named by its import path. It
defines its parameters, a `Spec` with the class variable `needs_teacher`, and by that either

    loss(spec, student_logits, teacher_logits, labels) -> scalar
        on the stored logits: no teacher runs while the student learns

    objective(spec, teacher, student, input_shape) -> Objective
        with the teacher beside the student, for losses on features, attention or relations

One that learns from the labels too says `weighs_classes: ClassVar[bool] = True`. Where a recipe asks for
`class_weights: balanced` it is given them, float32 [classes]: `loss` as a further argument `class_weights`, an
objective with every batch. With any other loss `class_weights` is refused.

One that is a sum of parts, each times a parameter, names these, so that a recipe in which all are 0 is refused:
`weighted_by: ClassVar[tuple[str, ...]] = ("weight", "label_weight")`.

One whose weights change while the student learns says `takes_epoch: ClassVar[bool] = True`, and is given the `epoch` of
each batch, counted from 0.

Where the views mix samples, as mixup does, `labels` are float32 [B, classes], what each class has of the mixture, and
the stored logits are the teacher's answer to it. A loss that reads such labels too, or none, says
`takes_mixed_labels: ClassVar[bool] = True`; any other is refused with such views.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from compression_ops.choices import function
from compression_ops.data.dataset import Description
from compression_ops.data.views import Views
from compression_ops.distillation.soft_labels import load_logits, load_views
from compression_ops.errors import ModelError
from compression_ops.models.network import load
from compression_ops.spec import Spec
from compression_ops.training.hyperparameters import Training
from compression_ops.training.objective import Batch, Objective, ObjectiveOf

LogitLoss = Callable[[Tensor, Tensor, Batch], Tensor]


def of_loss(spec: Spec, soft_labels: Path, teacher: Path | None, samples: int, description: Description) -> ObjectiveOf:
    """The objective that a loss defines, once the student is built.

    soft_labels and teacher are artifacts; `samples` is the length of the train split. Raises ModelError if the loss
    needs the teacher and there is none.
    """
    if not getattr(spec, "needs_teacher", False):
        loss = function(spec, "loss")

        def logit_loss(student: Tensor, stored: Tensor, batch: Batch) -> Tensor:
            further: dict[str, Any] = {} if batch.class_weights is None else {"class_weights": batch.class_weights}
            if getattr(spec, "takes_epoch", False):
                further["epoch"] = batch.epoch
            return loss(spec, student, stored, batch.labels, **further)

        on_stored = stored(logit_loss, soft_labels, samples, len(description.classes))
        return lambda _: on_stored
    if teacher is None:
        raise ModelError(
            f"the loss {type(spec).__name__} compares the student with the teacher itself, and the student's inputs "
            "hold no teacher. Add the asset `teacher` to them, or choose a loss on stored soft labels, such as kd."
        )
    frozen = load(teacher).requires_grad_(False)
    objective = function(spec, "objective")
    return lambda student: replace(objective(spec, frozen, student, description.input_shape), frozen=(frozen,))


def require_class_weights(spec: Spec, training: Training) -> None:
    """Raises ModelError if a training weighs classes and its loss cannot."""
    if training.class_weights != "uniform" and not getattr(spec, "weighs_classes", False):
        raise ModelError(
            f"class_weights is {training.class_weights}, and the loss {type(spec).__name__} weighs no classes. Leave "
            "class_weights out, choose a loss that does, such as kd, or say `weighs_classes = True` in its parameters "
            "and use the weights that it is given."
        )


def require_mixed_labels(spec: Spec, views: Views) -> None:
    """Raises ModelError if views mix samples and a loss cannot read the labels of mixtures."""
    mixing = [] if views.augmentation is None else views.augmentation.mixing()
    if mixing and not getattr(spec, "takes_mixed_labels", False):
        raise ModelError(
            f"the views' {mixing[0]} mixes labels, and the loss {type(spec).__name__} takes no mixed ones. Leave "
            f"{mixing[0]} out, choose a loss that does, such as kd, or say `takes_mixed_labels = True` in its "
            "parameters: its labels are then float32 [B, classes]."
        )


def stored(loss: LogitLoss, soft_labels: Path, samples: int, classes: int) -> Objective:
    """A loss of (student logits float32 [B, classes], stored teacher logits float16 [B, classes], the batch).

    Epoch e is taught by view e mod `views`, which is read once where the epoch begins: one view is in memory at a time.
    """
    views = load_views(soft_labels)

    @lru_cache(maxsize=1)
    def view(number: int) -> Tensor:
        return load_logits(soft_labels, number, samples, classes)

    def of_batch(model: nn.Module, batch: Batch) -> Tensor:
        teacher_logits = view(views.of_epoch(batch.epoch))[batch.rows].to(batch.inputs.device)
        return loss(model(batch.inputs).float(), teacher_logits, batch)

    return Objective(of_batch)
