"""`timm:mobilenetv3_small_100`: the networks of timm (Wightman 2019, "PyTorch Image Models"), where it is installed."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from compression_ops.models import registered

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compression_ops.models.published import Factory


def names() -> list[str]:
    """All of them, without importing timm; none where it is not installed."""
    return registered.names("timm.models")


@lru_cache
def factory(name: str) -> "Factory":
    """A factory of the network; its weights are random. Raises what timm does for a name that it does not know."""

    import timm

    from compression_ops.models import published

    def create(input_shape: tuple[int, int, int], classes: int, **arguments: Any) -> "nn.Module":
        return timm.create_model(  # pyright: ignore[reportAttributeAccessIssue]
            name, pretrained=False, num_classes=classes, in_chans=input_shape[0], **arguments
        )

    return published.adapted(create)


def weights(name: str) -> "Mapping[str, Tensor]":
    """The weights that timm publishes for a network, from its cache or downloaded into it.

    Raises RuntimeError for a network without any, OSError where it cannot be reached.
    """
    import timm

    return timm.create_model(name, pretrained=True).state_dict()  # pyright: ignore[reportAttributeAccessIssue]
