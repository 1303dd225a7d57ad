"""Arrays a block at a time, on all cores."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from compression_ops.data.storage import blocks


@pytest.mark.parametrize(("rows", "size"), [(0, 10), (1, 10), (10, 1), (10, 45), (10, 10**9)])
def test_blocks_are_all_rows_in_order(rows: int, size: int) -> None:
    """None larger than asked, unless one row is."""
    array = np.arange(rows * 10, dtype=np.uint8).reshape(rows, 10)
    found = list(blocks.of(array, size))
    np.testing.assert_array_equal(np.concatenate([array[:0], *found]), array)
    assert all(block.nbytes <= max(size, 10) for block in found)


def test_results_come_in_order_and_few_items_are_taken_ahead() -> None:
    """However long each takes: an endless list of files would do."""
    taken: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    def slower_first(number: int) -> int:
        time.sleep(0.002 if number % 2 else 0)
        return number * number

    found = blocks.in_parallel(slower_first, endless())
    assert [next(found) for _ in range(50)] == [number * number for number in range(50)]
    found.close()  # type: ignore[attr-defined]
    assert len(taken) < 50 + 40 * threading.active_count() + 200


def test_an_error_of_one_item_comes_where_its_result_would() -> None:
    """And the threads end."""
    before = threading.active_count()
    found = blocks.in_parallel(lambda number: 1 // number, [1, 1, 0, 1])
    assert [next(found), next(found)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert threading.active_count() == before
