"""Whether a quantized student's targets classify as it does itself: on the whole test split, sample by sample."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compression_ops import target as targets
from compression_ops.errors import CompressionError, ModelError
from compression_ops.evaluation.targets.agreement import Agreement
from compression_ops.evaluation.targets.derived import Derived
from compression_ops.footprint import Footprint
from compression_ops.target import Predictor

_CHUNK = 256


def check(derived: Mapping[str, Derived], models: Mapping[str, Any], inputs: Mapping[str, Path]) -> None:
    """Raises CompressionError for a target whose model is not measured, or that is none of the stage's inputs."""
    for name, each in derived.items():
        if each.model not in models:
            raise CompressionError(
                f"targets: {name}: {each.model!r}, of which it is made, is none of the models {', '.join(models)}"
            )
        if name not in inputs:
            raise CompressionError(
                f"targets: {name} cannot be measured: the inputs of the stage are {', '.join(sorted(inputs))}"
            )


def opened(derived: Mapping[str, Derived], inputs: Mapping[str, Path], threads: int) -> dict[str, Predictor]:
    """Every target, or its stand-in, as a function of raw samples. Raises ModelError for one that does not run here."""
    return {
        name: targets.predictor(each.target, inputs[name], threads, inputs[each.model] / "model.onnx")
        for name, each in derived.items()
    }


def compare(
    derived: Mapping[str, Derived],
    predictors: Mapping[str, Predictor],
    inputs: Mapping[str, Path],
    images: NDArray[np.uint8],
    logits: Mapping[str, NDArray[np.float32]],
) -> tuple[Agreement, ...]:
    """Each target on the test split, uint8 [N, C, H, W], against its model's logits, float32 [N, classes].

    Raises ModelError where a target returns something other than one class, or the logits of all, for each sample.
    """

    def compared(name: str, each: Derived) -> Agreement:
        facts, own = targets.read(inputs[name]), logits[each.model]
        differing = int(np.count_nonzero(_classes(name, predictors[name], images, own) != own.argmax(axis=1)))
        share = differing / len(images)
        return Agreement(name, each.model, facts.type, facts.oldest_runtime, facts.file_bytes, differing, share)

    return tuple(compared(name, each) for name, each in derived.items())


def timed(derived: Mapping[str, Derived], predictors: Mapping[str, Predictor]) -> dict[str, Predictor]:
    """Those of which a call says how fast they are."""
    return {name: predictors[name] for name, each in derived.items() if targets.is_timed(each.target)}


def footprints(
    derived: Mapping[str, Derived], inputs: Mapping[str, Path], images: NDArray[np.uint8]
) -> dict[str, Footprint]:
    """What those that tell it take of this machine, asked with the first of raw samples [N, ...]."""
    sample = images[0].tobytes()
    found = {name: targets.footprint(each.target, inputs[name], sample) for name, each in derived.items()}
    return {name: each for name, each in found.items() if each is not None}


def _classes(
    name: str, predictor: Predictor, images: NDArray[np.uint8], logits: NDArray[np.float32]
) -> NDArray[np.int64]:
    """int64 [N], the first of equal logits, as for the model itself."""
    starts = range(0, len(images), _CHUNK)
    found = np.concatenate([np.asarray(predictor(images[start : start + _CHUNK])) for start in starts])
    if found.shape == logits.shape:
        return found.argmax(axis=1)
    if found.shape == logits.shape[:1] and np.issubdtype(found.dtype, np.integer):
        return found.astype(np.int64)
    raise ModelError(
        f"{name}: its predictor returned {found.dtype} of shape {found.shape} for {len(images)} test samples; allowed "
        f"are logits of shape {logits.shape}, or an integer, the class, for each sample"
    )
