"""Limits and tables that need no operation of their own."""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compression_ops.c_code.program import (
    Addition,
    AveragePool,
    Convolution,
    Operation,
    Program,
    Requantization,
    Table,
    sources,
)


def fused(program: Program) -> Program:
    """An equal program, in which what only a table reads is written as that table has it.

    A table behind a table is their composition. One that only limits is a limit of what the operation before it writes.
    """
    operations: list[Operation] = list(program.operations)
    position = 1
    while position < len(operations):
        # Of tensors by their index in the program: names of ONNX's tensors, which may be shared, have no part in it.
        readers = Counter(tensor for operation in operations for tensor in sources(operation))
        table = operations[position]
        joined = None
        if isinstance(table, Table) and readers[table.source] == 1:
            before = next((at for at, each in enumerate(operations) if each.target == table.source), None)
            joined = None if before is None else _joined(operations[before], table)
            if before is not None and joined is not None:
                operations[before] = joined
                del operations[position]
        if joined is None:
            position += 1
    return replace(program, operations=tuple(operations))


def _joined(before: Operation, table: Table) -> Operation | None:
    if isinstance(before, Table):
        rows = max(len(before.tables), len(table.tables))
        first, second = (np.broadcast_to(each.tables, (rows, 256)) for each in (before, table))
        return replace(before, target=table.target, tables=np.take_along_axis(second, first, axis=1))
    limits = _limits(table.tables)
    if limits is None:
        return None
    if isinstance(before, Addition):
        low, high = np.clip([before.low, before.high], *limits).tolist()
        return replace(before, target=table.target, low=low, high=high)
    if isinstance(before, Convolution | AveragePool) and isinstance(before.output, Requantization):
        low, high = np.clip([before.output.low, before.output.high], *limits).tolist()
        return replace(before, target=table.target, output=replace(before.output, low=low, high=high))
    return None


def _limits(tables: NDArray[np.uint8]) -> tuple[int, int] | None:
    """What the table limits its source to; None where it does more."""
    low, high = int(tables.min()), int(tables.max())
    return (low, high) if (tables == np.clip(np.arange(256), low, high)).all() else None
