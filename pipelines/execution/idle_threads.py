"""What torch's threads do while they wait for one another: spin for a moment, then sleep.

By default those of its OpenMP (GNU's) spin for milliseconds at the end of each of a network's kernels. On a machine
that other programs use, too, they spin the time away that the thread which they wait for needs. Threads that sleep at
once take twice as long alone, since waking takes longer than the next small kernel.
"""

import os

# Rounds of GNU's; other OpenMPs know the first word alone. Results have the same bits.
_ASLEEP = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
_SAID_BY_THE_USER = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def let_sleep() -> None:
    """Let them, unless the environment says how they wait. Once torch is imported it is too late."""
    if not any(name in os.environ for name in _SAID_BY_THE_USER):
        os.environ.update(_ASLEEP)
