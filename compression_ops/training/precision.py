"""The number format that a training computes in."""

from contextlib import AbstractContextManager, nullcontext

import torch

from compression_ops import instruction_sets
from compression_ops.errors import ModelError
from compression_ops.training.hyperparameters import Training

# The first generation of NVIDIA's GPUs that multiplies bfloat16.
_AMPERE = 8


def check(training: Training, device: torch.device) -> None:
    """Raise ModelError if the device cannot compute in `training.precision` faster than in float32."""
    if training.precision != "bfloat16":
        return
    if device.type == "cuda" and not (torch.version.hip or torch.cuda.get_device_capability(device)[0] >= _AMPERE):
        raise ModelError(
            f"precision: bfloat16 needs a GPU that computes in it, as NVIDIA's do since Ampere, and {device} does not. "
            "Write `precision: float32`, or train on another device."
        )
    if device.type == "cpu" and not instruction_sets.has_bfloat16():
        raise ModelError(
            f"precision: bfloat16 needs a processor with {' or '.join(instruction_sets.BFLOAT16)}, and this one "
            f"({instruction_sets.model_name()}) has neither: it would compute slower than in float32. "
            "Write `precision: float32`, or train on another machine."
        )


def autocast(training: Training, device: torch.device) -> AbstractContextManager[object]:
    """Around the forward pass of a step.

    bfloat16: convolutions and matrix products round their operands to 8 significant bits and sum in float32; weights,
    gradients of weights, optimizer and batch statistics stay float32 (Kalamkar et al. 2019, "A Study of BFLOAT16 for
    Deep Learning Training": no scaling of the loss is needed). float32: nothing.
    """
    return torch.autocast(device.type, torch.bfloat16) if training.precision == "bfloat16" else nullcontext()
