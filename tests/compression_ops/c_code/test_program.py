"""What only a table reads is fused with it, and no two tensors that are needed at once share bytes."""

from pathlib import Path

import numpy as np
import pytest

from compression_ops.c_code import fusion, layout, lowering
from compression_ops.c_code.inputs.taken import Integers, Taken
from compression_ops.c_code.program import (
    SAMPLE,
    Addition,
    Convolution,
    Program,
    Requantization,
    Table,
    Tensor,
    sources,
)
from compression_ops.models.network import Network, build
from compression_ops.quantization.precision import Precision
from tests.compression_ops.c_code import quantized


def limit(source: int, target: int, low: int, high: int) -> Table:
    return Table("limit", source, target, np.clip(np.arange(256), low, high).astype(np.uint8)[None])


def program(*operations: Table | Addition) -> Program:
    tensors = tuple(Tensor(2, 3, 3, 0.1, 0) for _ in range(9))
    taken = Taken(Integers("uint8", "uint8"), "pixels", (2, 3, 3), {}, "pixels")
    return Program(operations, tensors, quantized.described((2, 3, 3), 2), taken, 20, "")


def added(first: int, second: int, target: int) -> Addition:
    return Addition("sum", first, second, target, (1 << 20, 1 << 20), 21, 0)


def test_a_limit_is_taken_by_the_operation_before_it() -> None:
    found = fusion.fused(program(limit(SAMPLE, 0, 0, 255), added(0, 0, 1), limit(1, 2, 10, 200), limit(2, 3, 0, 90)))
    assert [type(each) for each in found.operations] == [Table, Addition]
    last = found.operations[-1]
    assert isinstance(last, Addition)
    assert (last.target, last.low, last.high) == (3, 10, 90)


def test_what_another_operation_reads_too_keeps_its_values() -> None:
    operations = (limit(SAMPLE, 0, 0, 255), added(0, 0, 1), limit(1, 2, 10, 200), added(1, 2, 3))
    assert fusion.fused(program(*operations)).operations == operations


def test_tables_in_a_row_are_one() -> None:
    twice = Table("twice", 0, 1, np.minimum(2 * np.arange(256), 255).astype(np.uint8)[None])
    found = fusion.fused(program(limit(SAMPLE, 0, 5, 100), twice, added(1, 1, 2)))
    first = found.operations[0]
    assert isinstance(first, Table)
    assert first.target == 1
    assert first.tables[0, [0, 50, 255]].tolist() == [10, 100, 200]


@pytest.mark.parametrize("architecture", ["resnet", "compact_cnn"])
def test_tensors_that_are_needed_at_once_share_no_byte(architecture: str, tmp_path: Path) -> None:
    shape = (1, 12, 12)
    file = quantized.of_module(
        lambda: build(Network(architecture, shape, 10)), shape, 10, tmp_path / "model.onnx", Precision(weight_bits=4)
    )
    lowered = lowering.lower(file)
    found = layout.laid_out(lowered)
    for at, operation in enumerate(lowered.operations):
        later = {tensor for each in lowered.operations[at:] for tensor in sources(each)}
        made = {each.target for each in lowered.operations[: at + 1]}
        needed = {tensor for tensor in later if tensor in made} | {operation.target} - {None}
        spans = [(found.places[each].offset, found.places[each].size) for each in needed if each is not None]
        if at in found.scratch:
            weights = found.weights[at]
            spans.append((found.scratch[at], weights.patches + weights.unpacked))
        used = [byte for offset, size in spans for byte in range(offset, offset + size)]
        assert len(used) == len(set(used))
        assert max(used) + 64 <= found.ram_bytes


def test_fewer_bits_of_an_activation_are_limits_and_bound_the_sums(tmp_path: Path) -> None:
    shape = (1, 8, 8)
    network, four = Network("strided_cnn", shape, 10), Precision(activation_bits=4)
    file = quantized.of_module(lambda: build(network), shape, 10, tmp_path / "model.onnx", four)
    lowered = lowering.lower(file)
    assert [type(each) for each in lowered.operations] == [Table, *4 * [Convolution]]
    outputs = [each.output for each in lowered.operations if isinstance(each, Convolution)]
    assert [each.high for each in outputs if isinstance(each, Requantization)] == [15, 15, 15]
    first = lowered.operations[0]
    assert isinstance(first, Table)
    assert int(first.tables.max()) == 15
