"""Large arrays a block of rows at a time, on all cores."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

BYTES = 4 * 2**20

Item = TypeVar("Item")
Result = TypeVar("Result")


def of(images: "NDArray[Any]", size: int = BYTES) -> "Iterator[NDArray[Any]]":
    """Consecutive rows of an array [N, ...], about `size` bytes at a time, as views."""
    for rows in slices(len(images), images.nbytes // max(len(images), 1), size):
        yield images[rows]


def slices(rows: int, row_bytes: int, size: int = BYTES) -> Iterator[slice]:
    """Where blocks of about `size` bytes begin and end, of so many rows of so many bytes; a block has at least one."""
    step = max(1, size // max(row_bytes, 1))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """As `map`, in the same order, with a thread a core; few items more than there are threads are underway at once."""
    threads = os.cpu_count() or 1
    underway = deque[Future[Result]]()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            underway.append(pool.submit(function, item))
            if len(underway) > 4 * threads:
                yield underway.popleft().result()
        while underway:
            yield underway.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
