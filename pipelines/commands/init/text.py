"""The text of a new recipe."""

import json
from pathlib import Path
from string import Template

from compression_ops.data.survey import Survey
from pipelines.commands.init.plan import STEPS, STUDENT, TEACHER, Plan
from pipelines.recipe import document

_PERCEPTRONS = ("mlp\n    arguments: {hidden: [256, 128]}", "mlp\n      arguments: {hidden: [32]}")  # of rows
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


def text(data: Path, survey: Survey, plan: Plan, teacher: str | None) -> str:
    """The recipe, with its comments, for data that were looked at."""
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
        steps=f"{STEPS:,}",
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
