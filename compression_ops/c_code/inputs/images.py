"""Images: pixels as they are. What is computed of them first is a table of 256 entries, as of any byte."""

import numpy as np

from compression_ops.c_code.building import Building, Real
from compression_ops.c_code.inputs.taken import Integers, Taken
from compression_ops.c_code.program import SAMPLE


def begin(building: Building) -> Real:
    """The pixels."""
    shape = building.description.shape
    names = ("CHANNELS", "HEIGHT", "WIDTH")
    building.taken = Taken(
        Integers("uint8", "uint8"),
        "pixels",
        shape,
        {name: str(size) for name, size in zip(names, shape, strict=True)},
        f"pixels {''.join(f'[{size}]' for size in shape)} from 0 to 255, channels first",
    )
    return Real(SAMPLE, np.arange(256, dtype=np.float32)[None])
