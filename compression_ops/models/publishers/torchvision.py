"""`torchvision.models:resnet18`: the networks of torchvision."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from compression_ops.models import registered

if TYPE_CHECKING:
    from torch import nn

    from compression_ops.models.published import Factory


def names() -> list[str]:
    """Those for classification, without importing torchvision; none where it is not installed."""
    return registered.names("torchvision.models")


@lru_cache
def factory(name: str) -> "Factory":
    """A factory of the network; its weights are random. Raises ValueError for a name that torchvision does not know."""

    def build(input_shape: tuple[int, int, int], classes: int, **arguments: Any) -> "nn.Module":
        from torchvision import models

        from compression_ops.models import published

        published.refuse_weights(arguments)
        model: nn.Module = models.get_model(name, weights=None, num_classes=classes, **arguments)
        return published.fit(model, input_shape)

    return build
