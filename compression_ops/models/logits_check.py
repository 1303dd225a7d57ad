"""Whether what a network returns are logits, the same for an image whenever and beside whichever others it is asked."""

import torch
from torch import Tensor, nn

from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.models import inference

# So much larger than normalized pixels that the logits of a network without an upper bound exceed 1.
_AMPLIFIED = 100.0
_PROBABILITY_ERROR = 1e-4
# Of the largest logit: sums in another order differ by bits.
_EQUAL = 1e-4


def warnings(model: nn.Module, images: Tensor, description: Description, not_finite: str) -> tuple[str, ...]:
    """Sentences about outputs that look like no logits; () for logits. The network is asked in evaluation mode.

    images      uint8 [N, C, H, W], a few of different classes
    not_finite  what stands after "the network's outputs are not finite" where they are not: since when, and the cure

    Raises ModelError where the outputs are no logits: not finite, random, computed over the batch, or probabilities.
    """
    found = inference.logits(model, images, description)
    if not torch.isfinite(found).all():
        raise ModelError(f"the network's outputs are not finite {not_finite}")
    if not torch.equal(found, inference.logits(model, images, description)):
        raise ModelError(
            "the network gives other outputs for the same samples each time, in evaluation mode too. Let what is "
            "random in its forward depend on `self.training` (functional.dropout takes `training=self.training`)"
        )
    alone = torch.cat([inference.logits(model, images[row : row + 1], description) for row in range(len(images))])
    if not are_equal(found, alone):
        raise ModelError(
            "the network gives a sample other logits when it stands in a batch with others, in evaluation mode too. "
            "Let its forward compute over the batch (its first axis) only while `self.training`, as batch "
            "normalization does"
        )
    return _of_values(torch.cat([found, inference.logits(model, images.float() * _AMPLIFIED, description)]))


def are_equal(found: Tensor, expected: Tensor) -> bool:
    """Up to rounding. Written so that NaN is equal to nothing, and a network whose logits are all 0 to itself."""
    return bool((expected - found).abs().max() <= _EQUAL * expected.abs().max())


def _of_values(outputs: Tensor) -> tuple[str, ...]:
    if (outputs >= 0).all() and ((outputs.sum(dim=1) - 1).abs() < _PROBABILITY_ERROR).all():
        raise ModelError(
            "the network's outputs are probabilities: each row sums to one. Losses and distillation take logits, and "
            "compute the softmax themselves; after a second one a network learns far worse. Leave the softmax at its "
            "end out"
        )
    if outputs.unique().numel() <= 2:
        return (f"the network's outputs take {outputs.unique().numel()} values only; losses take logits, of any value",)
    if (outputs >= 0).all() and (outputs <= 1).all():
        return (
            "the network's outputs stay between 0 and 1, as after a sigmoid; losses take logits, of any value, and a "
            "network that cannot give them learns worse. Leave that last activation out",
        )
    return ()
