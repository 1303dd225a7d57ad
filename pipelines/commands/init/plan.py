"""The values of a new recipe that depend on the data and on what this machine trains in a second."""

import time
from dataclasses import dataclass

from compression_ops.data.survey import Survey
from compression_ops.errors import CompressionError, told

TEACHER, STUDENT = "resnet", "strided_cnn"
STEPS = 1500  # optimizer steps that a small network needs, about
_NETWORKS = {"rows": ("mlp", "mlp"), "recordings": ("compact_cnn", "ds_cnn"), "texts": ("embedding_bag", "text_cnn")}
_LARGEST = 64  # pixels: beyond, training on a CPU takes hours
_BUDGET = 20.0  # minutes that the first run may take
_TIMED = 3  # training steps that are timed


@dataclass(frozen=True)
class Plan:
    """The values that depend on the data and on this machine."""

    image_size: int
    batch_size: int
    epochs: int
    student_epochs: int
    views: int
    minutes: float


def for_data(survey: Survey, teacher: str | None) -> Plan:
    """What fits the data, and the minutes that a first run may take; `teacher`: the network that a user states."""
    samples = survey.training
    size = survey.sizes[1] if survey.source == "npz" else max(8, min(_LARGEST, survey.sizes[1]) // 4 * 4)
    batch = 128 if samples >= 20_000 else 64 if samples >= 1_000 else 16
    steps = max(1, samples // batch)
    shape = _shape(survey, size)
    usual, small = _NETWORKS.get(survey.noun, (TEACHER, STUDENT))
    slow, fast = (_seconds(each, shape, len(survey.counts), batch, survey.ids) for each in (teacher or usual, small))
    epochs = max(5, min(60, round(STEPS / steps)))
    while epochs > 2 and _minutes(steps, epochs, slow, fast) > _BUDGET:
        epochs -= 1
    return Plan(size, batch, epochs, 2 * epochs, min(2 * epochs, 16), _minutes(steps, epochs, slow, fast))


def _minutes(steps: int, epochs: int, teacher: float, student: float) -> float:
    """Of a run: the teacher, its labels (a forward pass, a third of a step), the student and its control."""
    labelled = min(2 * epochs, 16) * teacher / 3
    return steps * (epochs * teacher + labelled + 4 * epochs * student) / 60 + 0.5


def _shape(survey: Survey, size: int) -> tuple[int, ...]:
    """Of a network's input."""
    return survey.shape or ((survey.inputs,) if survey.rows else (survey.channels, size, size))


def _seconds(architecture: str, shape: tuple[int, ...], classes: int, batch: int, ids: int = 0) -> float:
    """Of one training step on this machine; 0 for a network that cannot be trained."""
    try:
        return min(_steps(architecture, shape, classes, batch, ids, _TIMED))
    except Exception:  # noqa: BLE001  somebody's network; of one that was asked for `require_trainable` tells
        return 0.0


def require_trainable(teacher: str, survey: Survey, plan: Plan) -> None:
    """Raises CompressionError for a stated teacher that takes no such samples, or is not installed."""
    shape = _shape(survey, plan.image_size)
    try:
        _steps(teacher, shape, len(survey.counts), plan.batch_size, survey.ids, 1)
    except Exception as error:
        usual, _ = _NETWORKS.get(survey.noun, (TEACHER, STUDENT))
        cause = str(error) if isinstance(error, CompressionError) else told(error)
        raise CompressionError(
            f"--teacher {teacher}: cannot be trained on these {survey.noun}, inputs of shape {list(shape)}: {cause}\n"
            f"  allowed: a network for {survey.noun}, as {usual} is; or leave it out, and {usual} is the teacher"
        ) from error


def _steps(architecture: str, shape: tuple[int, ...], classes: int, batch: int, ids: int, steps: int) -> list[float]:
    """Seconds of each of some training steps. Raises whatever somebody's network raises."""
    import torch

    from compression_ops.models import network

    inputs, labels = torch.rand(batch, *shape) * max(1, ids - 1), torch.zeros(batch, dtype=torch.long)
    stated = {"vocabulary": ids} if ids else {}
    arguments = network.taken(architecture, stated)
    model = network.build(network.Network(architecture, shape, classes, arguments, indices=ids or None)).train()
    taken: list[float] = []
    for _ in range(steps):
        started = time.perf_counter()
        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        taken.append(time.perf_counter() - started)
    return taken
