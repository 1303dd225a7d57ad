"""What stored soft labels save, and what they cost: a student on them against one whose teacher runs at each step.

    python benchmarks/online_teacher.py [RECIPE] [--seeds 5] [--epochs N]

The recipe's first student, brought up to date before, in the product's own training loop, with its loss: once on the
stored logits, once on those that its teacher gives for the very batch. Both see the same augmented views in the same
order from the same seeds, in turn. Prints seconds an epoch, test accuracies, and their difference, seed by seed, with
its p-value over seeds and samples.
"""

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compression_ops import quantities
from compression_ops.choices import function
from compression_ops.data.dataset import load_split
from compression_ops.distillation.objective import of_loss
from compression_ops.distillation.soft_labels import load_views
from compression_ops.evaluation import over_seeds
from compression_ops.models import inference
from compression_ops.models.network import load, of_choice
from compression_ops.spec import Spec
from compression_ops.stages.student import Student
from compression_ops.training.loop import Data, Trained, load_data, train_network
from compression_ops.training.objective import Batch, Objective, ObjectiveOf
from pipelines.commands import run
from pipelines.pipeline import Pipeline


@dataclass(frozen=True)
class Taught:
    """A student and what it is made from: folders of artifacts."""

    parameters: Student
    dataset: Path
    soft_labels: Path
    teacher: Path


def main() -> None:
    """Train on either side and print."""
    arguments = _arguments()
    taught = _of_recipe(arguments.recipe)
    given = taught.parameters if arguments.epochs is None else taught.parameters.changed(epochs=arguments.epochs)
    data, test = load_data(taught.dataset), load_split(taught.dataset, "test")
    sides = {
        "stored soft labels": stored(taught, data),
        "the teacher at each step": online(given.loss, taught.teacher),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    predictions: dict[str, list[NDArray[np.int64]]] = {name: [] for name in sides}
    for number in range(arguments.seeds):
        parameters = given.changed(seed=given.seed + number)
        for name, objective in sides.items():
            trained, elapsed = _trained(parameters, data, taught, objective)
            seconds[name].append(elapsed / parameters.epochs)
            predictions[name].append(inference.logits(trained.model, test.samples, data.description).argmax(1).numpy())
    _print(seconds, predictions, test.labels.numpy(), len(data.description.classes))


def stored(taught: Taught, data: Data) -> ObjectiveOf:
    """As the product trains: no teacher runs."""
    return of_loss(taught.parameters.loss, taught.soft_labels, None, len(data.train), data.description)


def online(loss: Spec, teacher: Path) -> ObjectiveOf:
    """The same loss, on the logits that the teacher gives for the batch, float32."""
    frozen, of_logits = load(teacher).requires_grad_(False), function(loss, "loss")

    def of_batch(model: nn.Module, batch: Batch) -> Tensor:
        with torch.no_grad():
            theirs = frozen.eval()(batch.inputs).float()
        return of_logits(loss, model(batch.inputs).float(), theirs, batch.labels)

    return lambda _: Objective(of_batch, frozen=(frozen,))


def _trained(parameters: Student, data: Data, taught: Taught, objective: ObjectiveOf) -> tuple[Trained, float]:
    network, views = of_choice(parameters, data.description), load_views(taught.soft_labels)
    started = time.perf_counter()
    trained = train_network(network, data, parameters, views, objective)
    return trained, time.perf_counter() - started


def _print(
    seconds: dict[str, list[float]],
    predictions: dict[str, list[NDArray[np.int64]]],
    labels: NDArray[np.int64],
    classes: int,
) -> None:
    print("| taught by | seconds an epoch, median | test, % |\n|---|---|---|")
    for name, values in predictions.items():
        accuracies = [100 * float((each == labels).mean()) for each in values]
        spread = f" ± {statistics.stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
        print(f"| {name} | {statistics.median(seconds[name]):.3f} | {statistics.mean(accuracies):.2f}{spread} |")
    ratio = statistics.median(online / stored for stored, online in zip(*seconds.values(), strict=True))
    print(f"\nan epoch with the teacher takes {ratio:.2f} × as long")
    ours, theirs = predictions.values()
    if len(ours) > 1:
        found = over_seeds.differences(ours, theirs, labels, classes)["accuracy"]
        print(f"stored less online: {quantities.points(found.points, 2)} points, p = {found.p_value:.2g}")


def _of_recipe(recipe: str) -> Taught:
    pipeline = Pipeline.open(recipe)
    name = next(name for name in pipeline.graph.assets if name.startswith("student/"))
    report = run.run(pipeline, [name])
    if report.named("failed"):
        raise SystemExit(next(item.cause for item in report.outcomes if item.cause))
    student = pipeline.graph.assets[name]
    labels = next(each for each in student.inputs if each.startswith("soft_labels"))
    teacher = next(each for each in pipeline.graph.assets[labels].inputs if each != "dataset")
    dataset, soft, taught_by = (_folder(pipeline, each) for each in ("dataset", labels, teacher))
    assert isinstance(student.parameters, Student)
    return Taught(student.parameters, dataset, soft, taught_by)


def _folder(pipeline: Pipeline, name: str) -> Path:
    entry = pipeline.latest(name)
    assert entry is not None
    return pipeline.store.fetch(entry.artifact)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    return parser.parse_args()


if __name__ == "__main__":
    main()
