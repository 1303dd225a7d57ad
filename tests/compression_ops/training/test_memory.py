"""What a training frees stays with the process until the training ends."""

import platform
import resource

import pytest
import torch

from compression_ops.training import memory

_BLOCKS, _BYTES = 5, 24 * 2**20


def _pages_cleared() -> int:
    """Pages that the system had to map for a step that needs 120 MB and frees them."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(_BYTES, dtype=torch.uint8) for _ in range(_BLOCKS)]
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_a_second_step_finds_the_memory_of_the_first_and_after_the_training_it_is_gone() -> None:
    every_page = _BLOCKS * _BYTES // resource.getpagesize()
    with memory.kept():
        # Small blocks that others free move the large ones at first.
        assert min(_pages_cleared() for _ in range(5)) < every_page / 10
    assert _pages_cleared() > every_page / 2
