"""Any model of a network whose layers have bits of their own, as it would be shipped, on the validation split."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx

from compression_ops.data.dataset import Split
from compression_ops.progress import Progress, ProgressCallback
from compression_ops.quantization import shipping
from compression_ops.quantization.activations import Ranges
from compression_ops.quantization.affine import Affine
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import NEWEST_OPSET
from compression_ops.quantization.shipping import Shipping
from compression_ops.quantization.widths import WIDTHS, Trials, Tried


class Widths:
    """The same network with other bits of its weights, everything else as `mapping` says.

    model    the float model
    mapping  of 8 bits; weights that it leaves float stay so
    ranges   those that its activations were calibrated with
    """

    def __init__(
        self, model: onnx.ModelProto, mapping: QuantizationMapping, ranges: Ranges, shipping: Shipping
    ) -> None:
        self._model, self._mapping, self._shipping = model, mapping, shipping
        self._by_width: dict[int, Mapping[str, Affine]] = {
            bits: calibrated.mapping(model, ranges, shipping.precision.changed(weight_bits=bits)).weights
            for bits in WIDTHS
        }
        stored = shipping.ship(model, mapping, refined=False).quantized.storage
        sizes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
        order = dict.fromkeys(name for node in model.graph.node for name in node.input)
        # Weights of products alone hold negative integers; constants that are added or multiplied keep their bytes.
        self.shapes = {name: sizes[name] for name in order if name in stored and mapping.weights[name].integers.low < 0}

    def mapping(self, bits: Mapping[str, int]) -> QuantizationMapping:
        """With so many bits of each of these weights, by name."""
        chosen = {name: self._by_width[width][name] for name, width in bits.items()}
        return replace(self._mapping, weights={**self._mapping.weights, **chosen})

    def trials(self, validation: Split, float_logits: np.ndarray, progress: ProgressCallback, at: Progress) -> Trials:
        """What a method that chooses is given; `at`: the step of the stage that it is part of."""
        count = 0

        def run(bits: Mapping[str, int], refined: bool) -> Tried:
            nonlocal count
            model = self._shipping.ship(self._model, self.mapping(bits), refined).serialized
            count += 1
            progress(Progress(f"choosing bits, model {count}", at.done, at.total))
            return Tried(shipping.logits(model, validation, self._shipping.description), len(model))

        int4 = self._shipping.precision.opset >= NEWEST_OPSET
        return Trials(self.shapes, run, validation.labels.numpy(), float_logits, int4)
