"""Mapped files: how much of them stays in memory. What they hold is tested with what is stored in them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compression_ops.data.storage.spool import Spool, within

# Makes a file of 588 MB, walks over it, and prints how far its memory grew.
_MEASURED = """
import sys
from pathlib import Path
import numpy as np
from compression_ops.data import near_duplicates
from compression_ops.data.storage import mapped
from compression_ops.data.storage.spool import Spool, within

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024

with within(Path(sys.argv[1])):
    spool = Spool((784,))
block = np.random.default_rng(0).integers(0, 256, (12_500, 784), np.uint8)
for number in range(60):
    spool.append(block)
rows = spool.rows()
before = peak()
{walk}
print(peak() - before)
"""
# Twice, in rows of 784 bytes, in order and at random.
_IN_BATCHES = """
total = 0
for order in np.arange(len(rows)), np.random.default_rng(1).permutation(len(rows)):
    for start in range(0, len(rows), 128):
        batch = rows[order[start : start + 128]]
        total += int(batch.sum())
        mapped.used(batch, scattered=True)
assert total == 2 * 60 * int(block.sum())
"""
# As pictures of 140 x 140, of a kilobyte's fingerprint each: 30 MB, and as much again while they are made.
_FINGERPRINTS = "assert len(near_duplicates.fingerprints(rows.reshape(-1, 1, 140, 140))) == 30_000"


@pytest.mark.slow
@pytest.mark.parametrize("walk", [_IN_BATCHES, _FINGERPRINTS], ids=["in batches", "for near-duplicates"])
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's mark of resident memory is Linux's")
def test_a_walk_over_a_large_file_keeps_a_window_of_it_in_memory(walk: str, tmp_path: Path) -> None:
    """Whatever the order; without `used`, all 588 MB would count."""
    command = [sys.executable, "-c", _MEASURED.format(walk=walk), str(tmp_path)]
    grown = int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    assert grown < 450e6


def test_what_was_appended_is_read_and_no_file_is_left(tmp_path: Path) -> None:
    """Not even while the spool is in use."""
    first, second = np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    with within(tmp_path):
        spool, empty = Spool((3, 4)), Spool((3, 4))
    spool.append(first)
    spool.append(second)
    np.testing.assert_array_equal(spool.rows(), np.concatenate([first, second]))
    assert empty.rows().shape == (0, 3, 4)
    assert list(tmp_path.iterdir()) == []
