"""The integer model of a float ONNX model and a mapping, as a torch module that is trained.

It is the QDQ graph itself, run node by node: QuantizeLinear is a fake quantization with a learned step, and a constant
behind DequantizeLinear the float weight that it was rounded from. So it quantizes what the shipped model does, where
it does, and nothing is said twice about which operators run on integers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from compression_ops.errors import ModelError
from compression_ops.quantization import integer_graph, qdq, saturation
from compression_ops.quantization.affine import Affine
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.simulation import learned_step
from compression_ops.quantization.simulation.learned_step import LearnedStep
from compression_ops.quantization.simulation.operators import OPERATORS

_QUANTIZE, _DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
_SCALE, _QUANTIZED = "_scale", "_quantized"
_PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Which of their inputs are trained, if they are constants.
_TRAINED = {
    **dict.fromkeys(_PRODUCTS, (0, 1, 2)),
    **{f"{norm}Normalization": (1, 2) for norm in ("Layer", "Group", "Instance", "Batch")},
    "PRelu": (1,),
    "Gather": (0,),
}


@dataclass(frozen=True)
class _Node:
    name: str
    operator: str
    attributes: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class _Bias:
    """An integer bias, rounded to the scale of the sums that it is added to: that of the input times the weight's."""

    name: str
    input_step: str
    weight_step: str


class Simulation(nn.Module):
    """float32 [N, ...] -> logits float32 [N, classes], as the integer model computes them.

    Its parameters are the weights and biases of the float model, and the scales of the mapping.
    """

    def __init__(self, model: onnx.ModelProto, mapping: QuantizationMapping) -> None:
        """`mapping` is what the training begins with; see `learned_step.initial` for the scales of weights.

        Raises ModelError if an operator of the model is not in `operators.OPERATORS`, or as `qdq.write` does.
        """
        super().__init__()
        self._source = model.SerializeToString()
        self._mapping = mapping
        require_known(model)
        quantized = qdq.integers(model, mapping, clips_stay=True)
        integer_graph.keep_output_float(quantized.graph)
        self._taking = saturation.taking(model.graph, mapping.activations)
        floats = _arrays(model.graph)
        weights = {
            name: learned_step.initial(floats[name], affine) if affine.integers.low < 0 else affine
            for name, affine in mapping.weights.items()
        }
        self._input, self._output = model.graph.input[0].name, model.graph.output[0].name
        self._nodes = [_node(node) for node in quantized.graph.node]
        self._producers = {name: node for node in self._nodes for name in node.outputs}
        self._biases = dict(self._integer_biases(model.graph))
        self._names = list(self._trained(floats))
        self._weights = nn.ParameterList(nn.Parameter(floats[name]) for name in self._names)
        scales = dict.fromkeys(self._scaled(node) for node in self._nodes if _is_step(node, mapping))
        self._steps = nn.ModuleDict()
        self._step_names = {name: f"step_{number}" for number, name in enumerate(scales)}
        for name, key in self._step_names.items():
            is_weight = name in weights
            self._steps[key] = LearnedStep(weights[name] if is_weight else mapping.activations[name], is_weight)
        constants = {name: values for name, values in _arrays(quantized.graph).items() if name not in self._names}
        constants |= {name: values for name, values in floats.items() if name not in self._names}
        self._constants = {name: f"constant_{number}" for number, name in enumerate(sorted(constants))}
        self._shapes: dict[str, Tensor] = {}
        for name, key in self._constants.items():
            if constants[name].is_floating_point():
                self.register_buffer(key, constants[name], persistent=False)
            else:  # shapes and indices, of which the processor reads the values
                self._shapes[name] = constants[name]

    def forward(self, inputs: Tensor) -> Tensor:
        values = {self._input: inputs, **self._shapes}
        values |= {name: getattr(self, key) for name, key in self._constants.items() if name not in self._shapes}
        values |= dict(zip(self._names, self._weights, strict=True))
        for node in self._nodes:
            if node.operator in (_QUANTIZE, _DEQUANTIZE):
                values[node.outputs[0]] = self._converted(node, values)
                continue
            given = [values[name] if name else None for name in node.inputs]
            found = OPERATORS[node.operator](node.attributes, *_together(given))
            results = found if isinstance(found, tuple) else (found,)
            values |= dict(zip(node.outputs, results, strict=False))
        return values[self._output]

    def _converted(self, node: _Node, values: Mapping[str, Tensor]) -> Tensor:
        """Real values throughout: of a QuantizeLinear, and the DequantizeLinear behind it, those of its integers."""
        source = node.inputs[0]
        if node.operator == _QUANTIZE:
            return self._step(self._scaled(node))(values[source])
        if node.outputs[0] in self._biases:
            return self._rounded(self._biases[node.outputs[0]], values)
        if source in self._producers:
            return values[source]
        name = source.removesuffix(_QUANTIZED)
        return self._step(name)(values[name])

    def _rounded(self, bias: _Bias, values: Mapping[str, Tensor]) -> Tensor:
        with torch.no_grad():
            scale = self._step(bias.input_step).scale * self._step(bias.weight_step).scale
            change = (values[bias.name] / scale).round() * scale - values[bias.name]
        return values[bias.name] + change

    def _integer_biases(self, source: onnx.GraphProto) -> Iterator[tuple[str, _Bias]]:
        """Those of products, by the name that they have behind their DequantizeLinear."""
        # onnxruntime's tool copies a bias that several nodes share under names of its own; nodes keep theirs.
        before = {f"{node.op_type}_{index}": node for index, node in enumerate(source.node)}
        for node in self._nodes:
            operands = [self._producers.get(name) for name in node.inputs]
            if node.operator in _PRODUCTS and len(operands) > 2 and node.name in before:
                left, right, bias = operands[:3]
                if bias is not None and bias.operator == _DEQUANTIZE and left is not None and right is not None:
                    name = before[node.name].input[2]
                    yield bias.outputs[0], _Bias(name, self._scaled(left), self._scaled(right))

    def _trained(self, floats: Mapping[str, Tensor]) -> Iterator[str]:
        """The names of the float model's constants that are weights, in the order of their first use."""
        found: dict[str, None] = {}
        for node in self._nodes:
            positions = _TRAINED.get(node.operator, ())
            if node.operator == "Add" and any(_is_product(self._producers, name) for name in node.inputs):
                positions = (0, 1)  # a linear layer of more than two axes: its bias is added after the product
            for position in positions:
                name = self._constant(node.inputs[position]) if position < len(node.inputs) else ""
                if name in floats and floats[name].is_floating_point() and floats[name].dim() > 0:
                    found[name] = None
        yield from found

    def _constant(self, name: str) -> str:
        """The constant of the float model that a tensor holds, as it is or behind a DequantizeLinear."""
        if name in self._biases:
            return self._biases[name].name
        before = self._producers.get(name)
        return before.inputs[0].removesuffix(_QUANTIZED) if before and before.operator == _DEQUANTIZE else name

    def _scaled(self, node: _Node) -> str:
        """Of the float model's tensor whose scale a QuantizeLinear or DequantizeLinear has."""
        name = node.inputs[1].removesuffix(_SCALE)
        return self._taking.get(name, name)

    def _step(self, name: str) -> LearnedStep:
        step = self._steps[self._step_names[name]]
        assert isinstance(step, LearnedStep)
        return step

    def learned(self) -> tuple[onnx.ModelProto, QuantizationMapping]:
        """The float model with the weights, and the mapping with the scales, that it has now."""
        model = onnx.ModelProto.FromString(self._source)
        found = dict(zip(self._names, self._weights, strict=True))
        for tensor in model.graph.initializer:
            if tensor.name in found:
                values = found[tensor.name].detach().cpu().numpy()
                tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
        return model, QuantizationMapping(
            self._affines(self._mapping.weights), self._affines(self._mapping.activations)
        )

    def _affines(self, before: Mapping[str, Affine]) -> dict[str, Affine]:
        return {
            name: self._step(name).affine if name in self._step_names else affine for name, affine in before.items()
        }


def require_known(model: onnx.ModelProto) -> None:
    """Raises ModelError if a float model has operators that are not simulated."""
    unknown = sorted({node.op_type for node in model.graph.node} - OPERATORS.keys())
    if unknown:
        raise ModelError(
            f"the network's operators {', '.join(unknown)} cannot be trained with learned steps; allowed are "
            f"{', '.join(sorted(OPERATORS))}. Leave `method` out, which quantizes the student as it was trained"
        )


def _node(node: onnx.NodeProto) -> _Node:
    attributes: dict[str, Any] = {}
    for attribute in node.attribute:
        value: Any = helper.get_attribute_value(attribute)
        if isinstance(value, onnx.TensorProto):
            value = numpy_helper.to_array(value).copy()
        attributes[attribute.name] = value.decode() if isinstance(value, bytes) else value
    return _Node(node.name, node.op_type, attributes, tuple(node.input), tuple(name for name in node.output if name))


def _arrays(graph: onnx.GraphProto) -> dict[str, Tensor]:
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items() if array.dtype.kind in "fiub"}


def _is_step(node: _Node, mapping: QuantizationMapping) -> bool:
    if node.operator == _QUANTIZE:
        return True
    return node.operator == _DEQUANTIZE and node.inputs[0].removesuffix(_QUANTIZED) in mapping.weights


def _is_product(producers: Mapping[str, _Node], name: str) -> bool:
    node = producers.get(name)
    while node is not None and node.operator in (_QUANTIZE, _DEQUANTIZE):
        node = producers.get(node.inputs[0])
    return node is not None and node.operator == "MatMul"


def _together(given: list[Tensor | None]) -> list[Tensor | None]:
    """Float values on the device of the first of them that has axes, where shapes stay on the processor."""
    where = next((each.device for each in given if each is not None and each.is_floating_point()), None)
    return [
        each.to(where) if where is not None and each is not None and each.is_floating_point() else each
        for each in given
    ]
