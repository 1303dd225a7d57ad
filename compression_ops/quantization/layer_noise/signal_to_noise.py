"""The signal-to-quantization-noise ratio of each layer of a quantized network, against the float network."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from compression_ops.data.dataset import Description
from compression_ops.onnx_model import raw_samples, session
from compression_ops.onnx_model.export import export_saved
from compression_ops.onnx_model.layers.noise import LayerNoise
from compression_ops.quantization import activations
from compression_ops.quantization.layer_noise import matching
from compression_ops.quantization.layer_noise.matching import Pair
from compression_ops.quantization.post_training import equalization

_SAMPLES, _BATCH = 256, 64
_MODEL, _FACTS = "model.onnx", "quantization.json"


def of_folders(
    student: Path, quantized: Path, images: NDArray[np.uint8], description: Description, equalized: bool = False
) -> tuple[LayerNoise, ...]:
    """Of a quantized student's folder against its student's, on uint8 test images [N, C, H, W] (see `of_models`).

    equalized  whether it was made of the student's equal with weights of like ranges, whose values are scaled
    """
    exported, facts = export_saved(student), quantized / _FACTS
    storage = json.loads(facts.read_text(encoding="utf-8")).get("weight_storage", {}) if facts.exists() else {}
    floats = equalization.equalized(exported) if equalized else exported
    return of_models(floats, onnx.load(quantized / _MODEL), images, description, storage)


def of_models(
    floats: onnx.ModelProto,
    integers: onnx.ModelProto,
    images: NDArray[np.uint8],
    description: Description,
    storage: Mapping[str, str] | None = None,
) -> tuple[LayerNoise, ...]:
    """The layers of `floats` that `integers` computes on integers, in the order of computation; () where it has none.

    At most 256 images are run, evenly spaced. The float model runs as it is, the quantized one as onnxruntime
    optimizes it: with its integer kernels.
    """
    found = matching.pairs(floats, integers)
    if not found:
        return ()
    signal, noise = np.zeros((2, len(found))), np.zeros((2, len(found)))  # of inputs, of outputs
    for expected, given in _values(floats, integers, found, images, description):
        for index, pair in enumerate(found):
            ends = ((pair.floats.input, pair.integers.input), (pair.floats.output, pair.integers.output))
            for end, (name, twin) in enumerate(ends):
                values = expected[name].astype(np.float64)
                signal[end, index] += np.square(values).sum()
                noise[end, index] += np.square(given[twin].astype(np.float64) - values).sum()
    ratios = np.divide(noise, signal, out=np.where(noise > 0, np.inf, 0.0), where=signal > 0)
    added = shares(ratios)
    stored = storage or {}
    return tuple(
        LayerNoise(pair.weight, pair.operator, stored.get(pair.weight), _decibels(float(ratio)), float(share))
        for pair, ratio, share in zip(found, ratios[1], added, strict=True)
    )


def shares(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """[layers] of the noise that all add, from that of inputs and outputs [2, layers], relative to the signal; 0 of a
    layer whose output has noise and no signal, which the others are told without.
    """
    is_told = np.isfinite(ratios).all(axis=0)
    added = np.maximum(np.where(is_told, ratios[1], 0) - np.where(is_told, ratios[0], 0), 0)
    return added / added.sum() if added.sum() > 0 else np.zeros(len(added))


def _decibels(ratio: float) -> float:
    return math.inf if ratio == 0 else -10 * math.log10(ratio)


def _values(
    floats: onnx.ModelProto,
    integers: onnx.ModelProto,
    pairs: Iterable[Pair],
    images: NDArray[np.uint8],
    description: Description,
) -> Iterable[tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]]:
    """Batch by batch the values of the tensors at the ends of layers, in both models, by name."""
    every = tuple(pairs)
    names = [name for pair in every for name in (pair.floats.input, pair.floats.output)]
    twins = [name for pair in every for name in (pair.integers.input, pair.integers.output)]
    float_session = activations.session(_giving(floats, names))
    session_of_integers = session.open_session(_giving(integers, twins).SerializeToString())
    chosen = images[:: _step(len(images))]
    for start in range(0, len(chosen), _BATCH):
        batch = chosen[start : start + _BATCH]
        yield (
            _run(float_session, names, raw_samples.normalize(batch, description)),
            _run(session_of_integers, twins, raw_samples.inputs(session_of_integers, batch, description)),
        )


def samples(images: int) -> int:
    """How many of so many images are run."""
    return len(range(0, images, _step(images)))


def _step(images: int) -> int:
    return max(1, -(-images // _SAMPLES))


def _giving(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """A copy with these tensors as outputs, too."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    known = {value.name for value in (*model.graph.input, *model.graph.output)}
    result.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in dict.fromkeys(names)
        if name not in known
    )
    return result


def _run(
    running: "session.ort.InferenceSession", names: Iterable[str], inputs: NDArray[np.generic]
) -> dict[str, NDArray[np.float32]]:
    taken = running.get_inputs()[0].name
    asked = [name for name in dict.fromkeys(names) if name != taken]
    values = running.run(asked, {taken: inputs})
    found = {name: np.asarray(value, np.float32) for name, value in zip(asked, values, strict=True)}
    return {**found, taken: np.asarray(inputs, np.float32)}
