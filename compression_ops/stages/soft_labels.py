"""Stage: run a teacher once over every view of the train split and keep its logits."""

from collections.abc import Mapping
from pathlib import Path

from compression_ops.data.views import Views
from compression_ops.progress import Progress
from compression_ops.stages.stage import Context, StageResult, of_kind


class SoftLabels(Views):
    """The teacher's logits on so many augmented views of the training split."""


def run(parameters: SoftLabels, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `views.json` and, view by view, `view_<number>.safetensors`. The memory does not grow with the views.

    inputs  `dataset`, and one folder with a saved network: `teacher`, or the student that teaches, `student/medium`

    On the processor onnxruntime computes, and torch where the teacher cannot be exported to ONNX: a warning says so. On
    an accelerator torch does. `train_accuracy` of a mixed view is how often the teacher answers the class that has most
    of the mixture. Raises ModelError if a logit is not finite in float16, DataError if the images do not allow the
    augmentation.
    """
    import torch

    from compression_ops.data.dataset import load_description, load_split
    from compression_ops.distillation.labelling import label_views
    from compression_ops.distillation.soft_labels import save_logits, save_views
    from compression_ops.models.inference import BATCH_SIZE
    from compression_ops.onnx_model.inference import open_forward
    from compression_ops.training.determinism import deterministic

    views = parameters.part(Views)
    train = load_split(inputs["dataset"], "train")
    description, sample = load_description(inputs["dataset"]), train.samples[:BATCH_SIZE]
    save_views(context.output, views)
    history: list[Mapping[str, float]] = []
    with deterministic(views.seed, torch.device(context.device)) as undetermined:
        folder = of_kind(inputs, "teacher", "student") or inputs["teacher"]
        teacher = open_forward(folder, description, sample, context.device)
        for view, labels in enumerate(label_views(teacher, train.samples, description, views)):
            save_logits(context.output, view, labels)
            classes = views.view(view, train.samples, description).classes(train.labels)
            history.append({"train_accuracy": (labels.argmax(dim=1) == classes).double().mean().item()})
            context.progress(Progress("soft labels", view + 1, views.views, history[-1]))
    accuracy = sum(metrics["train_accuracy"] for metrics in history) / len(history)
    return StageResult(
        {"train_accuracy": accuracy, "views": float(views.views)},
        tuple(history),
        (*((teacher.warning,) if teacher.warning else ()), *undetermined.warnings),
        device=teacher.device,
        threads=torch.get_num_threads() if teacher.warning else None,
    )
