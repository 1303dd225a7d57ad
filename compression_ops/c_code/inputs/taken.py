"""What a C function takes of a sample: integers, of which a caller who has other numbers is told how to make them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "input.json"
MISSING = -(2**31)  # of a table: no number stands there
_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Integers:
    """How raw samples, as a dataset holds them, become what the C function takes.

    raw            NumPy's name of a raw sample's type
    dtype          that of what is taken: uint8, int16 or int32
    fraction_bits  of numbers, for each value the bits behind the point: x is the integer nearest to x · 2^bits; ()
                   where the values are integers that are taken as they are
    modality       what the samples are, as the ONNX file says: of a table its columns and all categories, of texts
                   their words. For people's own code; nothing here asks it
    """

    raw: str
    dtype: str
    fraction_bits: tuple[int, ...] = ()
    modality: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)

    def of(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Raw samples [N, ...] -> integers of the same shape, each row in C's order.

        Of numbers the nearest integer, within what 32 bits hold, and MISSING for NaN.
        """
        if samples.dtype == np.dtype(self.dtype):
            return np.ascontiguousarray(samples)
        if not self.fraction_bits:
            ends = np.iinfo(self.dtype)
            return np.ascontiguousarray(np.clip(samples, ends.min, ends.max).astype(self.dtype))
        scaled = samples * self._factors
        found = np.clip(np.rint(scaled), -_LARGEST, _LARGEST)
        return np.ascontiguousarray(np.where(np.isnan(scaled), MISSING, found).astype(self.dtype))

    @cached_property
    def _factors(self) -> NDArray[np.float64]:
        """Powers of two, by which a product is exact."""
        return np.ldexp(1.0, np.array(self.fraction_bits, np.int64))

    def write(self, folder: Path) -> None:
        """As `input.json`, for whoever calls the C code with raw samples."""
        fields = {"raw": self.raw, "dtype": self.dtype, "fraction_bits": self.fraction_bits, "modality": self.modality}
        (folder / FILE).write_text(json.dumps(fields, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Integers":
        """What `write` wrote, but for the modality."""
        fields = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(fields["raw"], fields["dtype"], tuple(fields["fraction_bits"]))


@dataclass(frozen=True)
class Taken:
    """integers   of which type, and how they are made of raw samples
    name       of the C function's parameter
    shape      of a sample
    constants  {name: value} that the header defines of it
    words      of a sample, in a comment of the function: `pixels [1][28][28] from 0 to 255, channels first`
    notes      lines of the header's first comment, such as a table's columns
    """

    integers: Integers
    name: str
    shape: tuple[int, ...]
    constants: Mapping[str, str]
    words: str
    notes: tuple[str, ...] = field(default=())
