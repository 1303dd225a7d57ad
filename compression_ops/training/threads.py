"""How many threads a training computes on: as many as its network keeps busy, so that none waits for another in vain.

A network of small layers is a row of small kernels, and at the end of each its threads wait for one another. On a
processor that other programs use, too, that costs many times what the threads gain.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Operations of a forward pass over a batch. Of recipes: 2 million have digits' students, 40 million mnist's, 900
# million its teacher. Measured: with 200 million two threads take 0.74 of the time of one, so two trainings side by
# side on a thread each are done sooner than one after the other on two; with 400 million and more they take 0.6.
_WORK_OF_A_THREAD = 125e6
_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")


class Operations(TorchDispatchMode):
    """Counts what is computed inside: `count` is the multiply-accumulates of convolutions and matrix products, and one
    for each element of any other operator's result.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        operator = func.overloadpacket.__name__
        # A transposed convolution multiplies each element of its input instead, by all of that element's weights.
        counted = args[0] if operator == "convolution" and args[6] else result
        if isinstance(counted, torch.Tensor):
            self.count += counted.numel() * _length(operator, args)
        return result


def _length(operator: str, args: Any) -> int:
    """How many products make an element of the result."""
    if operator == "convolution":
        return args[1][0].numel()
    return args[-1].shape[-2] if operator in _PRODUCTS else 1


def busy(operations: float, most: int) -> int:
    """How many threads, at most so many, a forward pass over a batch keeps busy."""
    return int(min(max(operations // _WORK_OF_A_THREAD, 1), most))


class Workers:
    """The threads of one training: one, until the forward pass of the first batch has shown how many it keeps busy.

    count  a thread for every 125 million operations of that pass, at least one and at most as many as torch had; None
           before it. They decide in which order sums are computed, and so the last bits of a result: those of a small
           network are the same on any number of cores
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.count: int | None = None

    def of(self, device: torch.device) -> int | None:
        """The threads on which a training's last bits depend: on another device than the processor, none."""
        return self.count if device.type == "cpu" else None

    @contextmanager
    def watching(self) -> Generator[None]:
        """Around each forward pass of the training."""
        if self.count is not None:
            yield
            return
        with Operations() as operations:
            yield
        self.count = busy(operations.count, self._most)
        torch.set_num_threads(self.count)


@contextmanager
def by_work() -> Generator[Workers]:
    """The threads of a training inside; after, torch has as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield Workers(before)
    finally:
        torch.set_num_threads(before)
