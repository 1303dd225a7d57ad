"""Where networks are trained and label: the processor, or an accelerator that torch knows. Imports torch when asked.

The same recipe on another device is the same recipe: a device rounds in its own way, and no derivation knows it.
"""

import os
import re
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

from compression_ops.errors import CompressionError

CPU, AUTO = "cpu", "auto"
ALLOWED = "auto, cpu, cuda, cuda:<number> or mps"
_PATTERN = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9]\d*))?")
_WORDS = ("auto", "cpu", "cuda", "cuda:0", "cuda:1", "mps")
# With this cuBLAS sums in one order; it is read when torch first multiplies matrices on a GPU.
_CUBLAS, _ONE_ORDER = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"


def resolve(word: str) -> str:
    """The device that a word stands for, as `torch.device` takes it: `cpu`, `cuda:0`, `mps`.

    `auto` is the first CUDA (or ROCm) GPU that computes, otherwise the processor; `cuda` is the first GPU.
    Raises CompressionError for what is no device, is not here or does not compute, and says which devices are.
    """
    if not _PATTERN.fullmatch(word):
        close = get_close_matches(word.lower().replace("gpu", "cuda"), _WORDS, n=1, cutoff=0.6)
        hint = f"\n  did you mean `{close[0]}`?" if close else ""
        raise CompressionError(f"not a device\n  found:   {word!r}\n  allowed: {ALLOWED}; here: {_told()}{hint}")
    if word == CPU:
        return CPU
    if word == AUTO:
        return next((found for found in here() if found.startswith("cuda") and not _fault(found)), CPU)
    found = "cuda:0" if word == "cuda" else word
    fault = _absent(found) if found not in here() else _fault(found)
    if fault:
        raise CompressionError(
            f"no such device on this machine\n  found:   {word!r}: {fault}\n  allowed: auto, or what is here: {_told()}"
        )
    return found


@cache
def here() -> tuple[str, ...]:
    """The devices of this machine, the processor first."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `_absent` says what torch warns of
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return (CPU, *(f"cuda:{index}" for index in range(count)), *mps)


@cache
def name(device: str) -> str:
    """What a GPU is called, such as `NVIDIA H100 80GB HBM3`; nothing for the processor and for Apple's GPU."""
    if not device.startswith("cuda"):
        return ""
    import torch

    return torch.cuda.get_device_name(device)


def _told() -> str:
    return ", ".join(f"{device} ({name(device)})" if name(device) else device for device in here())


def _absent(device: str) -> str:
    """Why a device is not among those here, as far as torch knows."""
    import torch

    if device == "mps":
        return "torch finds no GPU of Apple's here"
    if torch.cuda.is_available():
        return "torch finds no GPU of that number here"
    if not (torch.version.cuda or torch.version.hip):
        return "this torch was built for the processor alone; another build of it knows GPUs"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.is_available()
    return _first_line(str(told[-1].message)) if told else "torch finds no GPU and driver here"


@cache
def _fault(device: str) -> str | None:
    """Why a device that is here does not compute (of a generation that torch does not know, without memory)."""
    os.environ.setdefault(_CUBLAS, _ONE_ORDER)
    import torch

    try:
        torch.ones(2, device=device).sum().item()
    except RuntimeError as error:
        return _first_line(str(error))
    return None


def _first_line(text: str) -> str:
    lines: Sequence[str] = text.strip().splitlines()
    return lines[0].rstrip(".") if lines else "without a word"
