"""What a recipe gives to all tools alike: its data set, its float student, and the same samples to calibrate with."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.peers import handover
from compression_ops.data.dataset import load_description, load_split, normalize
from compression_ops.errors import CompressionError
from compression_ops.models import batch_norm
from compression_ops.models.network import load
from compression_ops.onnx_model.export import export_saved
from compression_ops.spec import Spec
from pipelines.commands import run
from pipelines.pipeline import Pipeline

SAMPLES = 1024


@dataclass(frozen=True)
class Family:
    """A recipe's first quantized student, before it is quantized: folders of artifacts, and how the student learned.

    soft_labels  those that the student learned from
    training     the parameters of the student's training
    """

    dataset: Path
    student: Path
    soft_labels: Path
    training: Spec

    @classmethod
    def of_recipe(cls, recipe: str) -> "Family":
        """Of a recipe whose student is brought up to date first. Raises CompressionError where that fails."""
        pipeline = Pipeline.open(recipe)
        chosen = next(iter(pipeline.file.recipe.quantized_students.values()), None)
        if chosen is None:
            raise CompressionError(f"recipe {recipe!r} has no quantized student; state one under `quantized_students`")
        student = pipeline.graph.assets[f"student/{chosen.student}"]
        report = run.run(pipeline, [student.name])
        if report.named("failed"):
            raise CompressionError(next(item.cause for item in report.outcomes if item.cause))
        labels = next(name for name in student.inputs if name.startswith("soft_labels"))
        dataset, network, soft = (_folder(pipeline, name) for name in ("dataset", student.name, labels))
        return cls(dataset, network, soft, student.parameters)

    def write(self, folder: Path) -> None:
        """Write what every tool is given (see `handover`) into a folder."""
        exported = export_saved(self.student)
        (folder / handover.MODEL).write_bytes(exported.SerializeToString(deterministic=True))
        description, train = load_description(self.dataset), load_split(self.dataset, "train")
        count = min(SAMPLES, len(train))
        # Evenly spaced, as `calibration` of a quantized student takes them.
        images = normalize(train.samples[np.arange(count) * len(train) // count], description)
        np.save(folder / handover.CALIBRATION, images.numpy())
        network = batch_norm.fold(load(self.student), description.shape).model.eval()
        program = torch.export.export(network, (images[:2].clone(),), dynamic_shapes=({0: torch.export.Dim("batch")},))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights on other devices, which there are none of
            torch.export.save(program, folder / handover.TORCH_MODEL)


def _folder(pipeline: Pipeline, name: str) -> Path:
    entry = pipeline.latest(name)
    assert entry is not None
    return pipeline.store.fetch(entry.artifact)
