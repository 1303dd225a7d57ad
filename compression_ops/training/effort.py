"""What a training asks of the machine, estimated before it begins from one forward pass of its network."""

from dataclasses import dataclass

import torch

from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.models.network import Network, build
from compression_ops.training import threads
from compression_ops.training.hyperparameters import Training

_SAMPLES = 2
# Measured on two machines of two cores: a step of a network of small layers takes some 2 ms however little it computes,
# and a thread gets through some 10 GFLOP/s of a training's steps, each of which is three forward passes.
_SECONDS_OF_A_STEP, _OPERATIONS_A_SECOND, _PASSES = 0.002, 10e9, 3


@dataclass(frozen=True)
class Effort:
    """threads  how many its network keeps busy, see `threads.Workers`
    seconds  about how long it takes on one of them
    """

    threads: int
    seconds: float


def estimate(network: Network, training: Training, description: Description, samples: int) -> Effort:
    """Of a training on so many samples. Raises ModelError if the network cannot be built, or not take the data."""
    model = build(network).eval()
    try:
        with torch.no_grad(), threads.Operations() as operations:
            model(torch.zeros(_SAMPLES, *description.input_shape))
    except Exception as error:
        noun, shape = description.modality.noun, description.input_shape
        raise ModelError(f"the network cannot take {noun} of shape {shape}: {error}") from error
    batch = operations.count * training.batch_size / _SAMPLES
    steps = training.epochs * max(samples // training.batch_size, 1)
    seconds = steps * (_SECONDS_OF_A_STEP + _PASSES * batch / _OPERATIONS_A_SECOND)
    return Effort(threads.busy(batch, torch.get_num_threads()), seconds)
