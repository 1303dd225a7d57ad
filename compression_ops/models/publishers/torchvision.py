"""`torchvision.models:resnet18`: the networks of torchvision."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from compression_ops.models import registered

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compression_ops.models.published import Factory


def names() -> list[str]:
    """Those for classification, without importing torchvision; none where it is not installed."""
    return registered.names("torchvision.models")


@lru_cache
def factory(name: str) -> "Factory":
    """A factory of the network; its weights are random. Raises ValueError for a name that torchvision does not know."""

    from torchvision import models

    from compression_ops.models import published

    def create(_: tuple[int, int, int], classes: int, **arguments: Any) -> "nn.Module":
        return models.get_model(name, weights=None, num_classes=classes, **arguments)

    return published.adapted(create)


def weights(name: str) -> "Mapping[str, Tensor]":
    """The weights that torchvision publishes as its best, from torch's cache or downloaded into it.

    Raises ValueError for a network without any, OSError where it cannot be reached.
    """
    from torchvision import models

    return models.get_model_weights(name)["DEFAULT"].get_state_dict(progress=False, check_hash=True)
