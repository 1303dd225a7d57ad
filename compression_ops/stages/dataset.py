"""The stage `dataset`: raw data in, three checked splits out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops import implementations
from compression_ops.data import dataset, group_splitting, groups, near_duplicates, soundness, splitting
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.splitting import Partition
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
    source = implementations.module_of(parameters)
    context.progress(Progress("reading raw data", 0, 3))
    raw: RawData = source.read(parameters, inputs["raw_data"])
    soundness.require_sound(raw)
    context.progress(Progress("splitting", 1, 3))
    splits = _split(raw, parameters)
    context.progress(Progress("writing", 2, 3))
    warnings = [*raw.warnings, *_uneven(raw, splits, parameters), *_write(splits, raw.classes, context.output)]
    result = _result(splits, raw.classes, warnings)
    context.progress(Progress("data set written", 3, 3, result.metrics))
    return result


def _split(raw: RawData, spec: DatasetSpec) -> _Splits:
    digests = splitting.image_digests(raw.train.images)
    if isinstance(raw.test, HoldOut):
        held = _hold_out_test(raw.train, digests, raw.classes, raw.test.fraction)
        rest, rest_digests = raw.train.take(held.train), _pick(digests, held.train)
        test, test_digests = raw.train.take(held.held_out), _pick(digests, held.held_out)
    else:
        rest, rest_digests = raw.train, digests
        test, test_digests = raw.test, splitting.image_digests(raw.test.images)
        if rest.groups is not None and test.groups is not None:
            groups.require_apart(rest.groups, test.groups)
    part = _split_validation(rest, rest_digests, raw.classes, spec)
    return _Splits(
        {"train": rest.take(part.train), "validation": rest.take(part.held_out), "test": test},
        {
            "train": _pick(rest_digests, part.train),
            "validation": _pick(rest_digests, part.held_out),
            "test": test_digests,
        },
    )


def _hold_out_test(samples: Samples, digests: list[bytes], classes: tuple[str, ...], fraction: float) -> Partition:
    if samples.groups is None:
        return splitting.hold_out_test(digests, samples.labels, classes, fraction)
    return group_splitting.hold_out_test(samples.groups, digests, samples.labels, classes, fraction)


def _split_validation(samples: Samples, digests: list[bytes], classes: tuple[str, ...], spec: DatasetSpec) -> Partition:
    asked = (spec.validation_fraction, spec.seed, spec.limit)
    if samples.groups is None:
        return splitting.split_validation(digests, samples.labels, classes, *asked)
    return group_splitting.split_validation(samples.groups, digests, samples.labels, classes, *asked)


def _uneven(raw: RawData, splits: _Splits, spec: DatasetSpec) -> list[str]:
    """Warnings of groups that are too large to give each class its share."""
    import numpy as np

    if raw.train.groups is None:
        return []
    train, validation, test = (splits.samples[name].labels for name in dataset.SPLITS)
    told = group_splitting.uneven_shares("validation", validation, train, raw.classes, spec.validation_fraction)
    if isinstance(raw.test, HoldOut):
        rest = np.concatenate([train, validation])
        told += group_splitting.uneven_shares("test", test, rest, raw.classes, raw.test.fraction)
    return told


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
    alike, similar = near_duplicates.across_splits(
        {name: samples.images for name, samples in splits.samples.items()},
        splits.digests,
        {name: _names(name, samples) for name, samples in splits.samples.items()},
    )
    metrics = {f"{name}_samples": float(len(splits.samples[name])) for name in dataset.SPLITS}
    metrics |= {
        "classes": float(len(classes)),
        "class_balance": balance,
        "duplicates_across_splits": float(duplicates),
        "near_duplicates_across_splits": float(alike),
    }
    return StageResult(metrics, warnings=(*warnings, *unbalanced, *repeated, *similar))


def _names(split: str, samples: Samples) -> Sequence[str]:
    if samples.names is None:
        return [f"{split} sample {number}" for number in range(len(samples))]
    return samples.names.tolist()
