"""A torch model's logits for a whole set of images."""

from collections.abc import Generator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from compression_ops.data.dataset import Description, normalize
from compression_ops.data.storage import mapped
from compression_ops.errors import ModelError
from compression_ops.models import memory_format

# Small enough that a layer's result stays in the cache, and that the allocator keeps its memory: larger blocks go back
# to the system after every layer, and their page faults can cost as much as the arithmetic.
BATCH_SIZE = 64
# Of a batch on an accelerator, whose kernels are short of work long before.
_BATCH_SIZE_ELSEWHERE = 256


def logits(model: nn.Module, images: Tensor, description: Description, batch_size: int | None = None) -> Tensor:
    """[N, C, H, W] with values in [0, 255] (uint8 or float) -> float32 [N, classes], on the processor.

    The model computes where its weights lie, in evaluation mode, and is left in the mode that it was in.
    Raises ModelError if it does not give one logit for each class.
    """
    classes = len(description.classes)
    device = device_of(model)
    parts = [torch.empty(0, classes, device=device)]
    form = memory_format.of(model)
    with evaluation(model), torch.no_grad():
        for batch in images.split(batch_size or batch_size_on(device)):
            inputs = memory_format.laid(normalize(batch.to(device), description), form)
            parts.append(_checked(model(inputs), len(batch), classes))
            mapped.used(batch)
    return torch.cat(parts).cpu()


def device_of(model: nn.Module) -> torch.device:
    """Where a network's weights lie; the processor where it has none."""
    return next((tensor.device for tensor in chain(model.parameters(), model.buffers())), torch.device("cpu"))


def batch_size_on(device: torch.device) -> int:
    """How many samples a forward pass without gradients takes at once."""
    return BATCH_SIZE if device.type == "cpu" else _BATCH_SIZE_ELSEWHERE


def _checked(output: object, samples: int, classes: int) -> Tensor:
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if not isinstance(output, Tensor) or found != (samples, classes):
        raise ModelError(
            f"the model's output for {samples} samples is {found}; it must be a tensor of shape {(samples, classes)}: "
            "one logit for each class. Correct the architecture's last layer."
        )
    return output.to(torch.float32)


@contextmanager
def evaluation(model: nn.Module) -> Generator[None]:
    """The model in evaluation mode; afterwards in the mode that it was in."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def one_thread() -> Generator[None]:
    """Torch computes on one thread, so that the number of cores has no say in the last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
