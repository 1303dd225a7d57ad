"""Stage: run the teacher once over every view of the train split and keep its logits."""

from collections.abc import Mapping
from pathlib import Path

from compression_ops.data.views import Views
from compression_ops.progress import Progress
from compression_ops.stages.stage import Context, StageResult


class SoftLabels(Views):
    """The teacher's logits on so many augmented views of the training split."""


def run(parameters: SoftLabels, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `views.json` and, view by view, `view_<number>.safetensors`. The memory does not grow with the views.

    inputs  `dataset`, `teacher`

    Raises ModelError if a logit is not finite in float16.
    """
    from compression_ops.data.dataset import load_description, load_split
    from compression_ops.distillation.soft_labels import label_views, save_logits, save_views
    from compression_ops.models.network import load

    views = parameters.part(Views)
    train = load_split(inputs["dataset"], "train")
    teacher, description = load(inputs["teacher"]), load_description(inputs["dataset"])
    save_views(context.output, views)
    history: list[Mapping[str, float]] = []
    for view, labels in enumerate(label_views(teacher, train.images, description, views)):
        save_logits(context.output, view, labels)
        history.append({"train_accuracy": (labels.argmax(dim=1) == train.labels).double().mean().item()})
        context.progress(Progress("soft labels", view + 1, views.views, history[-1]))
    accuracy = sum(metrics["train_accuracy"] for metrics in history) / len(history)
    return StageResult({"train_accuracy": accuracy, "views": float(views.views)}, tuple(history))
