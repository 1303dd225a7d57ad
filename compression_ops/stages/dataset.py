"""The stage `dataset`: raw data in, three checked splits out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.choices import function
from compression_ops.data import dataset, near_duplicates, soundness
from compression_ops.data.modalities.modality import Modality
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.splits import group_splitting, groups, splitting
from compression_ops.data.splits.splitting import Partition
from compression_ops.data.storage import blocks, mapped, spool
from compression_ops.errors import DataError
from compression_ops.progress import Progress
from compression_ops.stages.stage import Context, StageResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class _Part:
    """What becomes a split: the samples that `rows` (int64 [M], ascending) names, and their digests."""

    samples: Samples
    rows: "NDArray[np.int64]"
    digests: list[bytes]

    @property
    def labels(self) -> "NDArray[np.int64]":
        return self.samples.labels[self.rows]

    def names(self, split: str) -> Sequence[str]:
        """By which a person finds each sample."""
        if self.samples.names is None:
            return [f"{split} sample {number}" for number in range(len(self.rows))]
        return self.samples.names[self.rows].tolist()

    def values(self, modality: Modality) -> "Iterator[NDArray[Any]]":
        """As they are stored, block after block."""
        values = self.samples.values
        for block in blocks.slices(len(self.rows), values[:1].nbytes):
            yield modality.encoded(values[self.rows[block]])


def run(parameters: DatasetSpec, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `train`, `validation` and `test.safetensors` and `dataset.json` (see compression_ops.data.dataset).

    parameters  those of a source
    inputs      `raw_data`: what the source's `locate` returned

    What samples are normalized by is learned of the training split alone. Raises DataError if the raw data cannot be
    read, are unsound, or are too few to give each class a place in each split.
    """
    with spool.within(context.output):
        context.progress(Progress("reading raw data", 0, 3))
        raw = _read(parameters, inputs["raw_data"])
        soundness.require_sound(raw)
        context.progress(Progress("splitting", 1, 3))
        parts = _split(raw, parameters)
        context.progress(Progress("writing", 2, 3))
        warnings = [*raw.warnings, *_uneven(raw, parts, parameters), *_write(parts, raw, context.output)]
    result = _result(parts, raw, warnings, context.output)
    context.progress(Progress("data set written", 3, 3, result.metrics))
    return result


def _read(parameters: DatasetSpec, root: Path) -> RawData:
    """What a source read, of the samples that its parameters say."""
    raw = function(parameters, "read")(parameters, root)
    found = f"read of {type(parameters).__module__} returned"
    if not isinstance(raw, RawData):
        raise DataError(f"{found} {type(raw).__name__}; needed is a {RawData.__module__}.{RawData.__name__}")
    if parameters.sample_type not in (None, raw.modality.type):
        raise DataError(
            f"{found} samples of type {raw.modality.type!r}; its `sample_type` is {parameters.sample_type!r}. Let it "
            "be what is read: by it the code that a model is made of is known"
        )
    return raw


def _split(raw: RawData, spec: DatasetSpec) -> Mapping[str, _Part]:
    import numpy as np

    digests = content = _digests(raw.train, raw.modality)
    if raw.modality.has_repeats:
        digests = splitting.of_copies(content, raw.train.labels, raw.classes)
    if isinstance(raw.test, HoldOut):
        content = digests
        held = _hold_out_test(raw.train, digests, raw.classes, raw.test.fraction)
        rest, test = held.train, _Part(raw.train, held.held_out, _pick(digests, held.held_out))
    else:
        rest = np.arange(len(raw.train))
        test = _Part(raw.test, np.arange(len(raw.test)), _digests(raw.test, raw.modality))
        if raw.train.groups is not None and raw.test.groups is not None:
            groups.require_apart(raw.train.groups, raw.test.groups)
    part = _split_validation(raw.train, rest, _pick(digests, rest), raw.classes, spec)
    train, validation = rest[part.train], rest[part.held_out]
    return {
        "train": _Part(raw.train, train, _pick(content, train)),
        "validation": _Part(raw.train, validation, _pick(content, validation)),
        "test": test,
    }


def _digests(samples: Samples, modality: Modality) -> list[bytes]:
    def of_block(values: "NDArray[Any]") -> list[bytes]:
        digests = modality.digests(values)
        mapped.used(values)
        return digests

    return [digest for found in blocks.in_parallel(of_block, blocks.of(samples.values)) for digest in found]


def _hold_out_test(samples: Samples, digests: list[bytes], classes: tuple[str, ...], fraction: float) -> Partition:
    if samples.groups is None:
        return splitting.hold_out_test(digests, samples.labels, classes, fraction)
    return group_splitting.hold_out_test(samples.groups, digests, samples.labels, classes, fraction)


def _split_validation(
    samples: Samples, rest: "NDArray[np.int64]", digests: list[bytes], classes: tuple[str, ...], spec: DatasetSpec
) -> Partition:
    """Of the samples that `rest` names, whose digests are given; the partition's rows count among these."""
    asked = (spec.validation_fraction, spec.seed, spec.limit)
    if samples.groups is None:
        return splitting.split_validation(digests, samples.labels[rest], classes, *asked)
    return group_splitting.split_validation(samples.groups[rest], digests, samples.labels[rest], classes, *asked)


def _uneven(raw: RawData, parts: Mapping[str, _Part], spec: DatasetSpec) -> list[str]:
    """Warnings of groups that are too large to give each class its share."""
    import numpy as np

    if raw.train.groups is None:
        return []
    train, validation, test = (parts[name].labels for name in dataset.SPLITS)
    told = group_splitting.uneven_shares("validation", validation, train, raw.classes, spec.validation_fraction)
    if isinstance(raw.test, HoldOut):
        rest = np.concatenate([train, validation])
        told += group_splitting.uneven_shares("test", test, rest, raw.classes, raw.test.fraction)
    return told


def _pick(digests: list[bytes], indices: "NDArray[np.int64]") -> list[bytes]:
    return [digests[index] for index in indices.tolist()]


def _write(parts: Mapping[str, _Part], raw: RawData, output: Path) -> list[str]:
    modality = raw.modality.fitted(raw.train.values, parts["train"].rows)
    shape = raw.train.values.shape[1:]
    for name in dataset.SPLITS:
        part = parts[name]
        size = (len(part.rows), *shape)
        dataset.write_split(output, name, modality.dtype, size, part.values(modality), part.labels)
    mean, std, warnings = modality.statistics(dataset.load_arrays(output, "train")[0], "train")
    dataset.save_description(output, dataset.Description(raw.classes, shape, mean, std, modality))
    return warnings


def _result(parts: Mapping[str, _Part], raw: RawData, warnings: list[str], output: Path) -> StageResult:
    balance, unbalanced = soundness.class_balance(parts["train"].labels, raw.classes)
    digests = {name: part.digests for name, part in parts.items()}
    duplicates, repeated = soundness.duplicates_across_splits(digests)
    if raw.modality.has_repeats:
        repeated = []
    values = {name: dataset.load_arrays(output, name)[0] for name in dataset.SPLITS}
    names = {name: part.names(name) for name, part in parts.items()}
    alike, similar = 0, list[str]()
    if raw.modality.has_likenesses:
        alike, similar = near_duplicates.across_splits(values, digests, names)
    metrics = {f"{name}_samples": float(len(parts[name].rows)) for name in dataset.SPLITS}
    metrics |= {
        "classes": float(len(raw.classes)),
        "class_balance": balance,
        "duplicates_across_splits": float(duplicates),
        "near_duplicates_across_splits": float(alike),
    }
    return StageResult(metrics, warnings=(*warnings, *unbalanced, *repeated, *similar))
