"""Any model of a network whose layers have bits of their own, as it would be shipped, on the validation split."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx

from compression_ops.data.dataset import Split
from compression_ops.onnx_model import raw_samples, session
from compression_ops.onnx_model.layers.chosen_kernels import FLOAT
from compression_ops.progress import Progress, ProgressCallback
from compression_ops.quantization import integer_kernels, shipping
from compression_ops.quantization.activations import Ranges
from compression_ops.quantization.affine import Affine
from compression_ops.quantization.automatic_precision import mixed, timing
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import NEWEST_OPSET
from compression_ops.quantization.shipping import Shipped, Shipping
from compression_ops.quantization.widths import WIDTHS, Trials, Tried

_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")  # ends of the names of their kernels on floats: `FusedConv`


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
        """With so many bits of each of these weights, by name; those of 32 stay float."""
        chosen = {name: self._by_width[width][name] for name, width in bits.items() if width != FLOAT}
        every = replace(self._mapping, weights={**self._mapping.weights, **chosen})
        return mixed.restricted(self._model.graph, every, [name for name in bits if name not in chosen])

    def ship(self, bits: Mapping[str, int], refined: bool) -> Shipped:
        """That model; with rounding and biases as the recipe asks, if they are to be `refined`."""
        stays_float = set(bits.values()) == {FLOAT}
        return self._shipping.ship(self._model, self.mapping(bits), refined, stays_float)

    def _runs_as_chosen(self, model: onnx.ModelProto, bits: Mapping[str, int]) -> bool:
        """Whether no layer that is to stay float runs on integers.

        model  the network alone: what it is given may be computed by layers of its own, which are always float

        onnxruntime quantizes the weights of a float layer by itself, one scale a tensor, when it reads and writes
        integers alone: in the file such a layer would be float, and nowhere else.
        """
        floats = {name for name, width in bits.items() if width == FLOAT}
        wanted = sum(not floats.isdisjoint(node.input) for node in self._model.graph.node)
        if not wanted:
            return True
        found = integer_kernels.kernels(model.SerializeToString(deterministic=True)).floating
        return sum(count for operator, count in found.items() if operator.endswith(_LAYERS)) >= wanted

    def trials(self, validation: Split, float_logits: np.ndarray, progress: ProgressCallback, at: Progress) -> Trials:
        """What a method that chooses is given; `at`: the step of the stage that it is part of."""
        count = 0

        def run(bits: Mapping[str, int], refined: bool) -> Tried:
            nonlocal count
            model = self.ship(bits, refined).serialized
            count += 1
            progress(Progress(f"choosing bits, model {count}", at.done, at.total))
            return Tried(shipping.logits(model, validation, self._shipping.description), len(model))

        def timed(models: Sequence[Mapping[str, int]], batch_size: int) -> np.ndarray:
            nonlocal count
            built = [self.ship(bits, refined=False) for bits in models]
            count += len(models)
            progress(Progress(f"timing layers, model {count}", at.done, at.total))
            batch = validation.samples[np.arange(batch_size) % len(validation)].numpy()
            found = np.full((len(models), timing.REPETITIONS), np.inf)
            runs = [index for index, bits in enumerate(models) if self._runs_as_chosen(built[index].written, bits)]
            sessions = [session.open_session(built[index].serialized) for index in runs]
            inputs = raw_samples.inputs(sessions[0], batch, self._shipping.description)
            found[runs] = timing.medians(sessions, inputs)
            return found

        int4 = self._shipping.precision.opset >= NEWEST_OPSET
        return Trials(self.shapes, run, validation.labels.numpy(), float_logits, int4, timed)
