"""Runs two models of any origin on one test split, and says what changed from the first to the second."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compression_ops.data.dataset import Description, Split, load_description, load_split
from compression_ops.errors import DataError, ModelError
from compression_ops.evaluation import cost, quality, runner
from compression_ops.evaluation.comparison import class_changes, flips, paired
from compression_ops.evaluation.comparison.class_changes import ClassChange
from compression_ops.evaluation.comparison.flips import Flip
from compression_ops.evaluation.measurements import Cost
from compression_ops.evaluation.quality import Change, Quality
from compression_ops.onnx_model.session import open_session
from compression_ops.progress import silent


@dataclass(frozen=True)
class Model:
    """A model to compare.

    name         as sentences call it; of two that are compared, each has its own
    folder       with `model.onnx`, or with a saved network
    description  of the data that it was trained on, by which its images are normalized
    """

    name: str
    folder: Path
    description: Description


@dataclass(frozen=True)
class Assessed:
    """A model on the test split. negative_log_likelihood: mean, in nats; cost: of the file that takes raw samples."""

    name: str
    quality: Quality
    negative_log_likelihood: float
    cost: Cost


@dataclass(frozen=True)
class Comparison:
    """change: of the second against the first; interval: of its points, 95 %, by Agresti & Min 2005; flips: first what
    was lost, then what was gained, then the others, each in the order of the test split.
    """

    classes: tuple[str, ...]
    samples: int
    first: Assessed
    second: Assessed
    change: Change
    interval: tuple[float, float]
    flips: tuple[Flip, ...]

    @property
    def class_changes(self) -> tuple[ClassChange, ...]:
        """The classes whose row of the confusion matrix changed, those that lost most first."""
        return class_changes.between(self.first.quality.confusion, self.second.quality.confusion)


def compare(first: Model, second: Model, dataset: Path) -> Comparison:
    """Both as the onnxruntime sessions that a user would run, on raw samples, on the test split of a data set.

    Raises DataError where that split is empty; ModelError for a model of other classes or shapes than the data, or one
    that does not run or returns something other than finite logits.
    """
    description, test = load_description(dataset), load_split(dataset, "test")
    if len(test) == 0:
        raise DataError(f"{dataset}: the test split is empty, so nothing can be compared on it")
    for model in (first, second):
        _check(model, description)
    logits, costs = _run((first, second), test, description)
    labels = test.labels.numpy()
    assessed = [
        Assessed(model.name, quality.assess(own, labels), paired.negative_log_likelihood(own, labels), own_cost)
        for model, own, own_cost in zip((first, second), logits, costs, strict=True)
    ]
    right, second_right = (own.argmax(axis=1) == labels for own in logits)
    low, high = paired.interval(right, second_right)
    return Comparison(
        classes=description.classes,
        samples=len(test),
        first=assessed[0],
        second=assessed[1],
        change=quality.compare(logits[1], first.name, logits[0], labels),
        interval=(100 * low, 100 * high),
        flips=flips.of_logits(logits[0], logits[1], labels),
    )


def _check(model: Model, description: Description) -> None:
    own = model.description
    if own.classes != description.classes:
        raise ModelError(
            f"{model.name} tells the classes {_listed(own.classes)}, but the recipe's data have "
            f"{_listed(description.classes)}\n  allowed is a model of the same classes in the same order: compare it "
            "in a recipe of its own data"
        )
    if clause := own.modality.unlike(description.modality) if own.modality.type == description.modality.type else None:
        raise ModelError(
            f"{model.name} cannot be asked about the recipe's data, since {clause}\n"
            "  allowed is a model of samples that mean the same: compare it in a recipe of its own data"
        )
    if own.shape != description.shape or own.modality.type != description.modality.type:
        raise ModelError(
            f"{model.name} takes {own.modality.described(own.shape)}, but the recipe's data are "
            f"{description.modality.described(description.shape)}\n"
            "  allowed is a model of samples of the same kind and size: compare it in a recipe of its own data"
        )


def _listed(classes: tuple[str, ...]) -> str:
    shown = ", ".join(classes[:10])
    return f"{shown}, … ({len(classes)} in all)" if len(classes) > 10 else shown


def _run(
    models: Sequence[Model], test: Split, description: Description
) -> tuple[list[NDArray[np.float32]], list[Cost]]:
    """Each session computes on one core, chunk after chunk as for measurements: the logits are theirs to the bit.

    Each model is given the samples as its own data set's: in its own codes of words, or of categories.
    """
    every: list[NDArray[np.float32]] = []
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as scratch:
        for index, model in enumerate(models):
            file = runner.taking_raw(model.folder, Path(scratch) / f"{index}.onnx", model.description)
            opened = {model.name: runner.Opened(file, cost.measure(file), open_session(file))}
            samples = description.modality.translated(test.samples.numpy(), model.description.modality)
            own = Split(torch.from_numpy(samples), test.labels)
            every.append(runner.predict_all(opened, own, len(description.classes), silent)[model.name])
            costs.append(opened[model.name].cost)
    return every, costs
