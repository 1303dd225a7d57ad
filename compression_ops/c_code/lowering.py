"""From the ONNX file of a quantized student to a program of integers."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper

from compression_ops.c_code import functions, fusion, layers
from compression_ops.c_code.building import (
    Building,
    Ids,
    Integers,
    OfCount,
    Pending,
    Real,
    Value,
    Weight,
    dequantized,
    quantized,
    refused,
)
from compression_ops.c_code.inputs import beginning, tokens
from compression_ops.c_code.program import SAMPLE, Program
from compression_ops.errors import ModelError
from compression_ops.onnx_model import constants, metadata, raw_samples

_MOVING = ("Flatten", "Reshape", "Squeeze", "Transpose", "Identity")


def lower(model: Path) -> Program:
    """The program of a quantized student's `model.onnx`, which takes raw samples.

    Raises ModelError where the file is none, or where a node has no integer form here: its name, what is allowed.
    """
    loaded = loaded_model(model)
    description = metadata.read(loaded, str(model)).description
    modality = description.modality
    if not raw_samples.takes_raw(loaded, description):
        raise ModelError(
            f"{model}: takes floats; allowed is a model that takes {modality.dtype} {modality.raw}, as quantized "
            "students do. Quantize it first: give it to a `quantized_students` section"
        )
    known = constants.of(loaded)
    building = Building(str(model), description, known, constants.weight_names(loaded.graph, known))
    values, first = beginning.of(building, loaded.graph)
    for position, node in enumerate(loaded.graph.node):
        if position >= first and not all(name in building.constants for name in node.output):
            values[node.output[0]] = _value(building, node, _label(node, position, building), values)
    bits = _finish(building, loaded.graph.output[0].name, values)
    digest = hashlib.sha256(metadata.content(loaded)).hexdigest()
    assert building.taken is not None
    operations, tensors = tuple(building.operations), tuple(building.tensors)
    return fusion.fused(Program(operations, tensors, description, building.taken, bits, digest))


def loaded_model(model: Path) -> onnx.ModelProto:
    try:
        loaded = onnx.load(model)
    except FileNotFoundError as error:
        raise ModelError(
            f"{model}: there is no such file; needed is the `model.onnx` of a quantized student"
        ) from error
    except (DecodeError, OSError) as error:
        raise ModelError(f"{model}: cannot be read as ONNX ({error}); needed is a quantized student's file") from error
    if len(loaded.graph.input) != 1 or len(loaded.graph.output) != 1:
        raise ModelError(
            f"{model}: has {len(loaded.graph.input)} inputs and {len(loaded.graph.output)} outputs; allowed is "
            "one of each"
        )
    return loaded


def _label(node: onnx.NodeProto, position: int, building: Building) -> str:
    """A node by its name, or by its operator and place; and the weight that a user knows it by."""
    name = f"node {node.name}" if node.name else f"node {position}"
    known = [weight for each in node.input if (weight := building.weight_names.get(each)) is not None]
    return f"{name} ({node.op_type}{f' with {known[0]}' if known else ''})"


def _value(building: Building, node: onnx.NodeProto, label: str, values: dict[str, Value]) -> Value:
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    given = [values.get(name) for name in node.input]
    if node.op_type != "Gather" and given and isinstance(given[0], Ids):
        return tokens.of_ids(building, node, label, given[0])
    if any(isinstance(each, OfCount) for each in given):
        return tokens.of_count(building, node, label, given)
    match node.op_type:
        case "DequantizeLinear":
            return _dequantized(building, node, attributes.get("axis", 1), label, values)
        case "QuantizeLinear":
            return _quantized(building, node, label, given[0])
        case "Clip" if isinstance(given[0], Integers):
            return functions.clipped(building, node, label, given[0])
        case "Conv":
            return layers.convolution(building, node, attributes, label, given)
        case "Gemm" | "MatMul":
            return layers.linear(building, node, attributes, label, given)
        case "MaxPool" | "AveragePool" | "GlobalAveragePool":
            return layers.pool(building, node, attributes, label, given[0])
        case "Add" if all(isinstance(each, Real) and each.tensor != SAMPLE for each in given):
            return layers.addition(building, label, given)
        case "Concat":
            return layers.joined(building, attributes, label, given)
        case "Gather" if len(given) == 2 and isinstance(given[0], Weight) and isinstance(given[1], Ids):
            return tokens.rows(building, attributes, label, given[0], given[1])
        case operator if operator in _MOVING:
            return _moved(building, node, attributes, label, given[0])
        case _:
            return functions.applied(building, node, attributes, label, given)


def _dequantized(
    building: Building, node: onnx.NodeProto, axis: int, label: str, values: dict[str, Value]
) -> Real | Weight:
    scales = building.array(node.input[1], label).astype(np.float32)
    zero_points = building.array(node.input[2], label) if len(node.input) > 2 else np.zeros((), np.int64)
    source = values.get(node.input[0])
    if isinstance(source, Integers):
        tensor = building.tensors[source.tensor]
        if scales.size != 1 or (tensor.scale, tensor.zero_point) != (float(scales.item()), int(zero_points.item())):
            raise refused(building, label, "takes integers in another scale than they were quantized in")
        values_ = dequantized(tensor.scale, tensor.zero_point)
        return Real(source.tensor, values_, plain=True, flat=source.flat, by_place=source.by_place)
    stored = building.constants.get(node.input[0])
    if stored is None:
        raise refused(building, label, "takes what is neither a constant nor quantized before")
    shape = [1] * stored.array.ndim
    if zero_points.size > 1:
        shape[axis] = -1
    integers = stored.array.astype(np.int64) - zero_points.astype(np.int64).reshape(
        shape if zero_points.size > 1 else ()
    )
    name = building.weight_names.get(node.output[0], node.input[0])
    return Weight(name, integers, scales.reshape(-1) if scales.size > 1 else scales.reshape(()), axis, stored.bits)


def _quantized(building: Building, node: onnx.NodeProto, label: str, given: Value | None) -> Integers:
    scale = building.array(node.input[1], label)
    zero_point = building.array(node.input[2], label) if len(node.input) > 2 else np.zeros((), np.uint8)
    if scale.size != 1 or zero_point.dtype != np.uint8:
        raise refused(
            building,
            label,
            f"quantizes to {zero_point.dtype} with {scale.size} scales; allowed are uint8 and one scale",
        )
    to = float(np.float32(scale.item())), int(zero_point.item())
    if isinstance(given, Pending):
        return Integers(given.finish(*to), given.flat, given.by_place)
    if not isinstance(given, Real):
        raise refused(building, label, "quantizes what is no result of an integer operator")
    if given.tensor != SAMPLE and given.plain:
        known = building.tensors[given.tensor]
        if (known.scale, known.zero_point) == to:
            return Integers(given.tensor, given.flat, given.by_place)
    tables = quantized(given.values, *to)
    target = functions.table(building, given.tensor, tables, to, label)
    return Integers(target, given.flat, given.by_place)


def _moved(
    building: Building, node: onnx.NodeProto, attributes: Mapping[str, Any], label: str, given: Value | None
) -> Value:
    if isinstance(given, Pending) or not isinstance(given, Real | Integers) or given.tensor == SAMPLE:
        raise refused(building, label, "works on floats")
    if node.op_type == "Identity":
        return given
    if node.op_type == "Transpose":
        if attributes.get("perm") != [0, 2, 1] or given.flat or building.tensors[given.tensor].height != 1:
            raise refused(building, label, "is none of places and channels")
        return replace(given, by_place=not given.by_place)
    if given.by_place:
        raise refused(building, label, "is of rows that are not transposed to channels first")
    if not _is_flattening(building, node, attributes, label, given):
        raise refused(building, label, "is none to one row a sample")
    return replace(given, flat=True)


def _is_flattening(
    building: Building, node: onnx.NodeProto, attributes: Mapping[str, Any], label: str, given: Real | Integers
) -> bool:
    """Whether what comes out is [N, values of a sample]."""
    shape = building.tensors[given.tensor].shape
    if node.op_type == "Squeeze":
        return given.flat or shape[:2] == (1, 1)
    if node.op_type == "Flatten":
        return attributes.get("axis", 1) == 1
    asked = building.array(node.input[1], label).tolist()
    if len(asked) != 2:
        return False
    return asked[1] == math.prod(shape) or (asked[1] == -1 and asked[0] in (0, 1))


def _finish(building: Building, output: str, values: dict[str, Value]) -> int:
    """Add what gives the logits; the bits of their fraction."""
    last = values.get(output)
    if isinstance(last, Pending) and last.logits is not None:
        return last.logits()
    if isinstance(last, Real) and last.plain and last.tensor != SAMPLE:
        return layers.logits_of_tensor(building, last)
    raise ModelError(
        f"{building.model}: its output {output!r} comes of floats; allowed is a convolution, a linear layer, or a "
        "quantized tensor. Leave out of the network what comes after its last linear layer"
    )
