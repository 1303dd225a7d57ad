"""Bits of each layer's weights that are chosen: as few bytes, or as fast a session, as a bound on the accuracy allows.

For bytes each layer has 8, 4, 3 or 2. Latency depends on no width, since weights are widened to 8 bits when a session
loads, but on which layers run on integers: each has 8 bits or stays float (`automatic_precision.kernels`).

The sensitivity of layer i with b bits, all others having 8, is by how much the outputs diverge further from the float
ones (Cai et al. 2020, "ZeroQ: A Novel Zero Shot Quantization Framework", eq. 4, here on the N validation samples):

    S_i(b) = KL(i at b bits) - KL(8 bits everywhere),      KL = 1/N sum_n sum_c p_nc ln(p_nc / q_nc)

with p the float model's probabilities and q the quantized one's. The accuracy of few samples is too coarse for that; it
decides which model is allowed. The search: `automatic_precision.greedy`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.errors import ModelError
from compression_ops.spec import Spec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from compression_ops.onnx_model.chosen_widths import LayerWidth, Step
    from compression_ops.quantization.automatic_precision.greedy import Bits, Found
    from compression_ops.quantization.widths import Chosen, Trials

BYTES, LATENCY = "bytes", "latency"
OF_LATENCY = ("batch_size", "min_gain")  # fields that say nothing of bytes


class Automatic(Spec):
    """Each layer gets 8, 4, 3 or 2 bits, so that the weights take few bytes and validation accuracy is kept; or, for
    latency, 8 bits or none.
    """

    chooses: ClassVar[bool] = True

    type: Literal["automatic"] = "automatic"
    max_accuracy_drop: float = Field(
        ge=0, le=100, description="Most that the float student may lose, in points of validation accuracy."
    )
    minimize: Literal["bytes", "latency"] = Field(default="bytes", description="What is made small.")
    max_models: int = Field(
        default=500, ge=1, le=100_000, description="Most models that are run on the validation split, or timed."
    )
    batch_size: int = Field(default=1, ge=1, le=65_536, description="Samples in a call, where latency is made small.")
    min_gain: float = Field(
        default=5.0, ge=0, le=100, description="Percent of the float model's latency; what gains no more stays float."
    )

    @property
    def times(self) -> bool:
        """Whether what is chosen depends on how fast the processor is."""
        return self.minimize == LATENCY


def choose(spec: Automatic, trials: "Trials") -> "Chosen":
    """For bytes the same bits each time: nothing is drawn, nothing timed.

    At most `max_models` models are run: one with 8 bits and three a layer for sensitivities, whose weights are rounded
    to the nearest; then those of the search, rounded and corrected as the recipe asks, each once.
    Raises ModelError for a network without quantized weights.
    """
    from compression_ops.onnx_model.chosen_widths import ChosenWidths
    from compression_ops.quantization.automatic_precision import greedy, kernels
    from compression_ops.quantization.automatic_precision.explanation import sentence
    from compression_ops.quantization.widths import WIDEST, WIDTHS

    if not trials.shapes:
        raise ModelError("no layer has weights whose bits could be chosen. Leave `method` out")
    if spec.times:
        return kernels.chosen(trials, spec.max_accuracy_drop, spec.batch_size, spec.min_gain, spec.max_models)
    models: dict[tuple[int, ...], tuple[float, int]] = {}
    expected = _accuracy(trials.float_logits, trials.labels)

    def tried(bits: "Bits") -> greedy.Model:
        found = trials.run(bits, True)
        accuracy = _accuracy(found.logits, trials.labels)
        models[tuple(bits.values())] = accuracy, found.file_bytes
        return greedy.Model(100 * (expected - accuracy), found.file_bytes)

    start = dict.fromkeys(trials.shapes, WIDEST)
    sensitivity, measured = _sensitivities(trials, spec.max_models - 1)
    left = spec.max_models - measured
    found = greedy.search(start, sensitivity, trials.stored_bytes, tried, spec.max_accuracy_drop, left)
    layers, curve = _layers(trials, found, sensitivity), _curve(found, trials, models)
    chosen = next(step for step in curve if step.is_chosen)
    return ChosenWidths(
        layers=layers,
        curve=curve,
        float_validation_accuracy=expected,
        max_accuracy_drop=spec.max_accuracy_drop,
        models=measured + len(models),
        complete=found.complete and all(len(widths) == len(WIDTHS) - 1 for widths in sensitivity.values()),
        sentence=sentence(layers, curve[0], chosen, expected, spec.max_accuracy_drop),
    )


def divergence(expected: "NDArray[np.float32]", found: "NDArray[np.float32]") -> float:
    """KL(p ‖ q), in nats, mean over samples, of two sets of logits [N, classes]: p of `expected`, q of `found`."""
    import numpy as np
    from scipy.special import log_softmax

    p, q = (log_softmax(logits.astype(np.float64), axis=1) for logits in (expected, found))
    return float((np.exp(p) * (p - q)).sum(axis=1).mean())


def _sensitivities(trials: "Trials", limit: int) -> tuple[dict[str, dict[int, float]], int]:
    """By layer and bits, and how many models were run; those of more layers than `limit` allows have none."""
    from compression_ops.quantization.widths import WIDEST, WIDTHS

    if limit < 1:
        return {name: {} for name in trials.shapes}, 0
    start = dict.fromkeys(trials.shapes, WIDEST)
    base, count = divergence(trials.float_logits, trials.run(start, False).logits), 1
    sensitivity: dict[str, dict[int, float]] = {name: {} for name in trials.shapes}
    for bits in WIDTHS[1:]:
        for name in trials.shapes:
            if count < limit:
                alone = trials.run({**start, name: bits}, False).logits
                sensitivity[name][bits] = divergence(trials.float_logits, alone) - base
                count += 1
    return sensitivity, count


def _accuracy(logits: "NDArray[np.float32]", labels: "NDArray[np.int64]") -> float:
    return float((logits.argmax(axis=1) == labels).mean())


def _curve(found: "Found", trials: "Trials", models: Mapping[tuple[int, ...], tuple[float, int]]) -> "tuple[Step, ...]":
    from compression_ops.onnx_model.chosen_widths import Step

    curve: list[Step] = []
    for bits in found.walk:
        accuracy, file_bytes = models[tuple(bits.values())]
        curve.append(
            Step(
                bits=tuple(bits.values()),
                weight_bytes=trials.stored_bytes(bits),
                file_bytes=file_bytes,
                validation_accuracy=accuracy,
                is_chosen=bits == found.bits,
            )
        )
    return tuple(curve)


def _layers(
    trials: "Trials", found: "Found", sensitivity: Mapping[str, Mapping[int, float]]
) -> "tuple[LayerWidth, ...]":
    import math

    from compression_ops.onnx_model.chosen_widths import LayerWidth
    from compression_ops.quantization.widths import stored_bytes

    layers: list[LayerWidth] = []
    for name, shape in trials.shapes.items():
        bits, weights = found.bits[name], math.prod(shape)
        refused = {width: model.lost for (layer, width), model in found.refused.items() if layer == name}
        layers.append(
            LayerWidth(
                name=name,
                shape=shape,
                weights=weights,
                bits=bits,
                weight_bytes=stored_bytes({name: weights}, {name: bits}, trials.int4),
                sensitivity=sensitivity[name],
                narrower_points=refused[max(refused)] if refused else None,
            )
        )
    return tuple(layers)
