"""`compression init`: a recipe for a user's own images, recordings, texts or table, with values that fit them."""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template

from compression_ops.data.splits import splitting
from compression_ops.data.survey import Survey, look
from compression_ops.data.tables import table_file
from compression_ops.errors import CompressionError, told
from pipelines.recipe import document, project
from pipelines.recipe import file as recipe_file
from pipelines.recipe.constraints import NAME_PATTERN

TEACHER, STUDENT = "resnet", "strided_cnn"
_NETWORKS = {"rows": ("mlp", "mlp"), "recordings": ("compact_cnn", "ds_cnn"), "texts": ("embedding_bag", "text_cnn")}
_PERCEPTRONS = ("mlp\n    arguments: {hidden: [256, 128]}", "mlp\n      arguments: {hidden: [32]}")  # of rows
_LARGEST = 64  # pixels: beyond, training on a CPU takes hours
_STEPS = 1500  # optimizer steps that a small network needs, about
_BUDGET = 20.0  # minutes that the first run may take
_TIMED = 3  # training steps that are timed
_UNBALANCED = 3.0
_RECIPE = """\
# Written by `compression init` for $samples $noun of $classes classes. Every value may be edited;
# `compression check` tells mistakes, and a run computes again only what an edit affects.
type: $component
attributes:
  # $seen
$groups  dataset: {$fields, validation_fraction: 0.1, seed: 0}

  # What epochs and models are chosen by; balanced_accuracy where some classes are rare.
  metric: $metric

  teacher:
    architecture: $teacher
    # About $steps steps of $batch_size $noun, or as many as fit the time.
    epochs: $epochs
    batch_size: $batch_size
    learning_rate: 0.003
    weight_decay: 0.05
    class_weights: $weights
    # Changes under which a class stays what it is: $changes.
    augmentation: $augmentation
    seed: 0

  # Each view is the training split under one draw of the augmentation, labelled by the teacher once.
  soft_labels: {views: $views, augmentation: $augmentation, seed: 0}

  students:
    small:
      architecture: $student
      epochs: $student_epochs
      batch_size: $batch_size
      learning_rate: 0.01
      weight_decay: 0.02
      class_weights: $weights
      loss: {type: kd, temperature: 4.0, alpha: 0.9}
      # The same student without the teacher: what distillation gains. `false` saves its time.
      control: true
      seed: 0

  quantized_students:
    int8: {student: small, calibration: {method: minmax, samples: $calibration}}

  benchmark: {batch_sizes: [1, 32], threads: 1, iterations: 1000, max_accuracy_drop: 1.0, min_compression: 4.0}

  # `on`: Dagster's daemon computes what is out of date by itself.
  automation: {mode: off}
"""


@dataclass(frozen=True)
class Plan:
    """The values that depend on the data and on this machine."""

    image_size: int
    batch_size: int
    epochs: int
    student_epochs: int
    views: int
    minutes: float


@dataclass(frozen=True)
class Started:
    """A recipe that was written, what it was written for, and its values."""

    file: recipe_file.RecipeFile
    survey: Survey
    plan: Plan


def init(name: str, data: Path, teacher: str | None = None, target: str | None = None) -> Started:
    """Look at the data, write a checked recipe for them. Raises CompressionError; nothing is overwritten.

    target  the column of a table that says each sample's class, where it is stated
    """
    folder = (project.enclosing(Path.cwd()) or project.Project(Path.cwd(), Path.cwd() / project.DEFS)).defs
    if project.checkout() or recipe_file.defs_is_configured():
        folder = recipe_file.defs_folder()
    if not re.fullmatch(NAME_PATTERN, name):
        raise CompressionError(f"{name!r} is no recipe's name\n  allowed: letters, digits and underscores, at most 60")
    path = folder / name / recipe_file.FILE_NAME
    if name in recipe_file.recipe_names() or path.parent.exists():
        where = recipe_file.displayed(path.parent if path.parent.exists() else recipe_file.path_of(name))
        raise CompressionError(f"{name!r} exists already: {where}\n  choose another name; nothing was overwritten")
    if target is not None and data.exists() and data.suffix.lower() not in table_file.SUFFIXES:
        raise CompressionError(f"--target {target}: {data} is no table\n  leave it out: the classes are told otherwise")
    survey = look(data, target)
    if survey.test:
        splitting.require_two_each([*survey.train.values()], [*survey.train])
    else:
        splitting.require_enough({label: (count, None) for label, count in survey.train.items()})
    plan = _plan(survey, teacher)
    text = _text(data.resolve(), survey, plan, teacher)
    checked = recipe_file.read(path, text)
    if teacher is not None:
        _require_trainable(teacher, survey, plan)
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return Started(checked, survey, plan)


def _plan(survey: Survey, teacher: str | None) -> Plan:
    samples = survey.training
    size = survey.sizes[1] if survey.source == "npz" else max(8, min(_LARGEST, survey.sizes[1]) // 4 * 4)
    batch = 128 if samples >= 20_000 else 64 if samples >= 1_000 else 16
    steps = max(1, samples // batch)
    shape = _shape(survey, size)
    usual, small = _NETWORKS.get(survey.noun, (TEACHER, STUDENT))
    slow, fast = (_seconds(each, shape, len(survey.counts), batch, survey.ids) for each in (teacher or usual, small))
    epochs = max(5, min(60, round(_STEPS / steps)))
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
    except Exception:  # noqa: BLE001  somebody's network; of one that was asked for `_require_trainable` tells
        return 0.0


def _require_trainable(teacher: str, survey: Survey, plan: Plan) -> None:
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
    arguments = network._taken(architecture, stated)  # pyright: ignore[reportPrivateUsage]
    model = network.build(network.Network(architecture, shape, classes, arguments, indices=ids or None)).train()
    taken: list[float] = []
    for _ in range(steps):
        started = time.perf_counter()
        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        taken.append(time.perf_counter() - started)
    return taken


def _text(data: Path, survey: Survey, plan: Plan, teacher: str | None) -> str:
    fields = f"source: {survey.source}, path: {_quoted(str(data))}"
    fields += "".join(f", {field}: {_quoted(value)}" for field, value in survey.stated.items())
    if survey.source != "npz" and survey.noun == "images":
        fields += f", image_size: {plan.image_size}, channels: {survey.channels}"
    counts = survey.counts.values()
    metric = "balanced_accuracy" if max(counts) > _UNBALANCED * min(counts) else "accuracy"
    weights = "balanced" if metric == "balanced_accuracy" else "uniform"
    return Template(_RECIPE).substitute(
        samples=f"{sum(counts):,}",
        classes=len(counts),
        component=document.COMPONENT,
        groups="".join(
            f"  # groups: {_quoted(name)} keeps rows with one entry there in one split.\n" for name in survey.groups
        ),
        **_of(survey, plan, teacher),
        fields=fields,
        metric=metric,
        steps=f"{_STEPS:,}",
        batch_size=plan.batch_size,
        epochs=plan.epochs,
        weights=weights,
        views=plan.views,
        calibration=max(1, min(512, survey.training * 3 // 4)),  # what is held out varies by chance
        student_epochs=plan.student_epochs,
    )


def _of(survey: Survey, plan: Plan, teacher: str | None) -> dict[str, str]:
    """What the recipe says of this kind of sample and of no other."""
    if survey.noun == "recordings":
        return _of_recordings(survey, teacher)
    if survey.noun == "texts":
        return _of_texts(survey, teacher)
    return _of_rows(survey, teacher) if survey.rows else _of_images(survey, plan, teacher)


def _of_images(survey: Survey, plan: Plan, teacher: str | None) -> dict[str, str]:
    """What the recipe says of images and of nothing else."""
    shift = max(1.0, plan.image_size / 16)
    flip = "true" if survey.channels > 1 else "false"
    sides = f"The shorter sides have {survey.sizes[0]} to {survey.sizes[2]} pixels"
    return {
        "noun": "images",
        "seen": f"{sides}; a larger image_size takes longer.",
        "changes": "no flip for digits, letters and signs",
        "augmentation": f"{{translate: {shift:g}, rotate: 10.0, scale: 0.1, flip: {flip}}}",
        "teacher": teacher or TEACHER,
        "student": STUDENT,
    }


def _of_rows(survey: Survey, teacher: str | None) -> dict[str, str]:
    """What the recipe says of rows and of nothing else."""
    return {
        "noun": "rows",
        "seen": f"{_sentence(survey.rows)}; `columns` and `categories` choose others (docs/table.md).",
        "changes": "noise in units of each column's standard deviation",
        "augmentation": "{column_noise: {deviation: 0.2}}",
        "teacher": teacher or _PERCEPTRONS[0],
        "student": _PERCEPTRONS[1],
    }


def _of_recordings(survey: Survey, teacher: str | None) -> dict[str, str]:
    """What the recipe says of recordings and of nothing else."""
    shift = round(survey.stated["rate"] / 20)
    return {
        "noun": "recordings",
        "seen": f"{_sentence(survey.words)}: {_lengths(survey)} (docs/signal.md).",
        "changes": "a twentieth of a second earlier or later",
        "augmentation": f"{{time_shift: {{samples: {shift}}}}}",
        "teacher": teacher or "compact_cnn\n    arguments: {filters: [16, 32, 48]}",
        "student": "ds_cnn\n      arguments: {filters: 24, blocks: 3}",
    }


def _of_texts(survey: Survey, teacher: str | None) -> dict[str, str]:
    """What the recipe says of texts and of nothing else."""
    return {
        "noun": "texts",
        "seen": f"{_sentence(survey.words)}: {_lengths(survey)} (docs/tokens.md).",
        "changes": "words that are left out",
        "augmentation": "{word_dropout: {probability: 0.2}}",
        "teacher": teacher or "embedding_bag\n    arguments: {dimensions: 256}",
        "student": "text_cnn\n      arguments: {dimensions: 16, filters: 16, dropout: 0.1}",
    }


def _sentence(words: str | None) -> str:
    """Begun with a capital letter; the others stay as they are, as those of Hz do."""
    return (words or "")[:1].upper() + (words or "")[1:]


def _lengths(survey: Survey) -> str:
    if survey.longer is None:
        return "nine of ten are no longer"
    longer, looked_at = survey.longer
    return f"cut to that, {longer:,} of {looked_at:,} that were looked at are longer"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
