"""A torch model's logits for a whole set of images."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from compression_ops.data.dataset import Description, normalize
from compression_ops.data.storage import mapped
from compression_ops.errors import ModelError
from compression_ops.models import memory_format

# Small enough that a layer's result stays in the cache, and that the allocator keeps its memory: larger blocks go back
# to the system after every layer, and their page faults can cost as much as the arithmetic.
BATCH_SIZE = 64


def logits(model: nn.Module, images: Tensor, description: Description, batch_size: int = BATCH_SIZE) -> Tensor:
    """[N, C, H, W] with values in [0, 255] (uint8 or float) -> float32 [N, classes].

    The model runs in evaluation mode and is left in the mode that it was in.
    Raises ModelError if it does not give one logit for each class.
    """
    classes = len(description.classes)
    parts = [torch.empty(0, classes)]
    form = memory_format.of(model)
    with evaluation(model), torch.no_grad():
        for batch in images.split(batch_size):
            inputs = normalize(batch, description).contiguous(memory_format=form)
            parts.append(_checked(model(inputs), len(batch), classes))
            mapped.used(batch)
    return torch.cat(parts)


def _checked(output: object, samples: int, classes: int) -> Tensor:
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if not isinstance(output, Tensor) or found != (samples, classes):
        raise ModelError(
            f"the model's output for {samples} images is {found}; it must be a tensor of shape {(samples, classes)}: "
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
