"""The stage `dataset`: raw data in, three checked splits out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.choices import function
from compression_ops.data import dataset, soundness, splitting
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.storage import blocks, mapped, spool
from compression_ops.errors import DataError
from compression_ops.progress import Progress
from compression_ops.stages.stage import Context, StageResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class _Part:
    """What becomes a split: the samples that `rows` (int64 [M], ascending) names, and the digests of their images."""

    samples: Samples
    rows: "NDArray[np.int64]"
    digests: list[bytes]

    @property
    def labels(self) -> "NDArray[np.int64]":
        return self.samples.labels[self.rows]

    def images(self) -> "Iterator[NDArray[np.uint8]]":
        images = self.samples.images
        for block in blocks.slices(len(self.rows), images[:1].nbytes):
            yield images[self.rows[block]]


def run(parameters: DatasetSpec, inputs: Mapping[str, Path], context: Context) -> StageResult:
    """Write `train`, `validation` and `test.safetensors` and `dataset.json` (see compression_ops.data.dataset).

    parameters  those of a source
    inputs      `raw_data`: what the source's `locate` returned

    Mean and standard deviation are those of the training split. Raises DataError if the raw data cannot be read,
    are unsound, or are too few to give each class a place in each split.
    """
    with spool.within(context.output):
        context.progress(Progress("reading raw data", 0, 3))
        raw = function(parameters, "read")(parameters, inputs["raw_data"])
        if not isinstance(raw, RawData):
            found = f"read of {type(parameters).__module__} returned {type(raw).__name__}"
            raise DataError(f"{found}; needed is a {RawData.__module__}.{RawData.__name__}")
        soundness.require_sound(raw)
        context.progress(Progress("splitting", 1, 3))
        parts = _split(raw, parameters)
        context.progress(Progress("writing", 2, 3))
        warnings = list(raw.warnings) + _write(parts, raw.classes, context.output)
    result = _result(parts, raw.classes, warnings)
    context.progress(Progress("data set written", 3, 3, result.metrics))
    return result


def _split(raw: RawData, spec: DatasetSpec) -> Mapping[str, _Part]:
    import numpy as np

    digests = _image_digests(raw.train)
    if isinstance(raw.test, HoldOut):
        held = splitting.hold_out_test(digests, raw.train.labels, raw.classes, raw.test.fraction)
        rest, test = held.train, _Part(raw.train, held.held_out, _pick(digests, held.held_out))
    else:
        rest = np.arange(len(raw.train))
        test = _Part(raw.test, np.arange(len(raw.test)), _image_digests(raw.test))
    part = splitting.split_validation(
        _pick(digests, rest), raw.train.labels[rest], raw.classes, spec.validation_fraction, spec.seed, spec.limit
    )
    train, validation = rest[part.train], rest[part.held_out]
    return {
        "train": _Part(raw.train, train, _pick(digests, train)),
        "validation": _Part(raw.train, validation, _pick(digests, validation)),
        "test": test,
    }


def _image_digests(samples: Samples) -> list[bytes]:
    digests: list[bytes] = []
    for found in blocks.in_parallel(_digests_of_block, blocks.of(samples.images)):
        digests += found
    return digests


def _digests_of_block(images: "NDArray[np.uint8]") -> list[bytes]:
    digests = splitting.image_digests(images)
    mapped.used(images)
    return digests


def _pick(digests: list[bytes], indices: "NDArray[np.int64]") -> list[bytes]:
    return [digests[index] for index in indices.tolist()]


def _write(parts: Mapping[str, _Part], classes: tuple[str, ...], output: Path) -> list[str]:
    channels, height, width = parts["train"].samples.images.shape[1:]
    for name in dataset.SPLITS:
        part = parts[name]
        dataset.write_split(output, name, (len(part.rows), channels, height, width), part.images(), part.labels)
    images, _ = dataset.load_arrays(output, "train")
    mean, std, warnings = soundness.pixel_statistics(images, "train")
    dataset.save_description(output, dataset.Description(classes, (channels, height, width), mean, std))
    return warnings


def _result(parts: Mapping[str, _Part], classes: tuple[str, ...], warnings: list[str]) -> StageResult:
    balance, unbalanced = soundness.class_balance(parts["train"].labels, classes)
    duplicates, repeated = soundness.duplicates_across_splits({name: part.digests for name, part in parts.items()})
    metrics = {f"{name}_samples": float(len(parts[name].rows)) for name in dataset.SPLITS}
    metrics |= {
        "classes": float(len(classes)),
        "class_balance": balance,
        "duplicates_across_splits": float(duplicates),
    }
    return StageResult(metrics, warnings=(*warnings, *unbalanced, *repeated))
