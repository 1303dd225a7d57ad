"""The stage `dataset`: raw data in, three checked splits out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.choices import function
from compression_ops.data import dataset, soundness, splitting
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.errors import DataError
from compression_ops.progress import Progress
from compression_ops.stages.stage import Context, StageResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class _Splits:
    samples: Mapping[str, Samples]
    digests: Mapping[str, list[bytes]]


def run(parameters: DatasetSpec, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `train`, `validation` and `test.safetensors` and `dataset.json` (see compression_ops.data.dataset).

    parameters  those of a source
    inputs      `raw_data`: what the source's `locate` returned

    Mean and standard deviation are those of the training split. Raises DataError if the raw data cannot be read,
    are unsound, or are too few to give each class a place in each split.
    """
    context.progress(Progress("reading raw data", 0, 3))
    raw = function(parameters, "read")(parameters, inputs["raw_data"])
    if not isinstance(raw, RawData):
        found = f"read of {type(parameters).__module__} returned {type(raw).__name__}"
        raise DataError(f"{found}; needed is a {RawData.__module__}.{RawData.__name__}")
    soundness.require_sound(raw)
    context.progress(Progress("splitting", 1, 3))
    splits = _split(raw, parameters)
    context.progress(Progress("writing", 2, 3))
    warnings = list(raw.warnings) + _write(splits, raw.classes, context.output)
    result = _result(splits, raw.classes, warnings)
    context.progress(Progress("data set written", 3, 3, result.metrics))
    return result


def _split(raw: RawData, spec: DatasetSpec) -> _Splits:
    digests = splitting.image_digests(raw.train.images)
    if isinstance(raw.test, HoldOut):
        held = splitting.hold_out_test(digests, raw.train.labels, raw.classes, raw.test.fraction)
        rest, rest_digests = raw.train.take(held.train), _pick(digests, held.train)
        test, test_digests = raw.train.take(held.held_out), _pick(digests, held.held_out)
    else:
        rest, rest_digests = raw.train, digests
        test, test_digests = raw.test, splitting.image_digests(raw.test.images)
    part = splitting.split_validation(
        rest_digests, rest.labels, raw.classes, spec.validation_fraction, spec.seed, spec.limit
    )
    return _Splits(
        {"train": rest.take(part.train), "validation": rest.take(part.held_out), "test": test},
        {
            "train": _pick(rest_digests, part.train),
            "validation": _pick(rest_digests, part.held_out),
            "test": test_digests,
        },
    )


def _pick(digests: list[bytes], indices: "NDArray[np.int64]") -> list[bytes]:
    return [digests[index] for index in indices.tolist()]


def _write(splits: _Splits, classes: tuple[str, ...], output: Path) -> list[str]:
    import torch

    images = splits.samples["train"].images
    mean, std, warnings = soundness.pixel_statistics(images, "train")
    channels, height, width = images.shape[1:]
    dataset.save_description(output, dataset.Description(classes, (channels, height, width), mean, std))
    for name in dataset.SPLITS:
        samples = splits.samples[name]
        # torch shares the array's memory and warns of a read-only one, which a file's bytes are; it is only read here.
        pixels = samples.images if samples.images.flags.writeable else samples.images.copy()
        dataset.save_split(output, name, dataset.Split(torch.from_numpy(pixels), torch.from_numpy(samples.labels)))
    return warnings


def _result(splits: _Splits, classes: tuple[str, ...], warnings: list[str]) -> StageResult:
    balance, unbalanced = soundness.class_balance(splits.samples["train"].labels, classes)
    duplicates, repeated = soundness.duplicates_across_splits(splits.digests)
    metrics = {f"{name}_samples": float(len(splits.samples[name])) for name in dataset.SPLITS}
    metrics |= {
        "classes": float(len(classes)),
        "class_balance": balance,
        "duplicates_across_splits": float(duplicates),
    }
    return StageResult(metrics, warnings=(*warnings, *unbalanced, *repeated))
