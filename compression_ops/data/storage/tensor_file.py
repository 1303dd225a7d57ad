"""Safetensors files of any size: written a block of rows at a time, byte for byte as safetensors itself writes them.

    8 bytes, little-endian: length of the header | header: JSON, filled up with spaces to a multiple of 8 | the tensors

https://huggingface.co/docs/safetensors. Tensors of larger elements come first, so that all are aligned.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from compression_ops.data.storage import mapped
from compression_ops.data.storage.space import told
from compression_ops.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Types by safetensors' names, as NumPy writes them.
_TYPES = {"I64": "<i8", "F32": "<f4", "F16": "<f2", "I16": "<i2", "U8": "|u1"}
_NAMES = {written: name for name, written in _TYPES.items()}
_CURE = "The file is damaged: compute the data set again."


@dataclass(frozen=True)
class Stream:
    """A tensor of dtype and shape whose rows come in `blocks`, arrays [n, *shape[1:]], one after another."""

    dtype: str
    shape: tuple[int, ...]
    blocks: "Iterable[NDArray[Any]]"

    @property
    def nbytes(self) -> int:
        """Its length in the file."""
        import numpy as np

        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def write(path: Path, tensors: Mapping[str, Stream]) -> None:
    """Write the tensors, each as its blocks come. Raises CompressionError where the disk is full."""
    import numpy as np

    ordered = dict(sorted(tensors.items(), key=lambda item: (-np.dtype(item[1].dtype).itemsize, item[0])))
    header: dict[str, Any] = {}
    end = 0
    for name, tensor in ordered.items():
        begin, end = end, end + tensor.nbytes
        dtype = _NAMES[np.dtype(tensor.dtype).newbyteorder("<").str]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with told(path.parent, end), path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in ordered.values():
            _write_rows(file, tensor)


def _write_rows(file: IO[bytes], tensor: Stream) -> None:
    import numpy as np

    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    start = file.tell()
    for block in tensor.blocks:
        file.write(np.ascontiguousarray(block, dtype).data)
        mapped.used(block, scattered=True)
    if file.tell() - start != tensor.nbytes:
        raise ValueError(f"{file.tell() - start} bytes were given for a tensor of {tensor.nbytes}")


def read(path: Path) -> "dict[str, NDArray[Any]]":
    """All tensors of a file by name, mapped (see compression_ops.data.storage.mapped).

    Raises DataError if it cannot be read, is no safetensors file, or is longer or shorter than its header says.
    """
    import numpy as np

    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            length = int.from_bytes(file.read(8), "little")
            if length > size - 8:
                raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
            if size != 8 + length + end:
                raise ValueError(f"{size:,} bytes; its header says {8 + length + end:,}")
            found = dict[str, Any]()
            for name, entry in header.items():
                dtype, shape = np.dtype(_TYPES[entry["dtype"]]), tuple(entry["shape"])
                begin, end = entry["data_offsets"]
                if begin < 0 or min(shape, default=0) < 0 or end - begin != math.prod(shape) * dtype.itemsize:
                    raise ValueError(f"{name} of shape {list(shape)} in {end - begin:,} bytes")
                found[name] = mapped.array(file, dtype, shape, 8 + length + begin)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}). {_CURE}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{path}: not a whole safetensors file ({error}). {_CURE}") from error
    return found
