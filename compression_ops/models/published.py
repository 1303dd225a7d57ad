"""A published network, made for 224 × 224 colour images, adapted to other images as people do it by hand."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from compression_ops.models.duplicate import duplicate

Factory = Callable[..., nn.Module]
# Below this side a stem that divides it by four leaves a network for 224 pixels next to nothing to look at.
_SMALL = 96
_SIDES = (32, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512)
_OF_WEIGHTS = ("weights", "pretrained", "weights_backbone")


def adapted(create: "Callable[..., nn.Module]") -> Factory:
    """A factory of a network that `create(input_shape, classes, **arguments)` makes as it was published.

    `before_fit` is given that, before it is fitted to other images.
    """

    def build(
        input_shape: tuple[int, int, int],
        classes: int,
        before_fit: Callable[[nn.Module], None] | None = None,
        **arguments: Any,
    ) -> nn.Module:
        refuse_weights(arguments)
        model = create(input_shape, classes, **arguments)
        if before_fit is not None:
            before_fit(model)
        return fit(model, input_shape)

    return build


def refuse_weights(arguments: Mapping[str, Any]) -> None:
    """Raises ValueError for arguments that would load weights: a network is built anew at every load of its own."""
    found = [name for name in _OF_WEIGHTS if arguments.get(name)]
    if found:
        raise ValueError(
            f"the argument {found[0]!r} loads published weights, which an architecture does not; leave it out"
        )


def fit(model: nn.Module, input_shape: tuple[int, int, int]) -> nn.Module:
    """Make a network, or a copy of it, take float32 [N, C, H, W].

    Its first convolution gets C channels. For images smaller than 96 pixels the stem keeps their size, as in the
    networks that He et al. (2016, "Deep Residual Learning for Image Recognition", section 4.2) use for CIFAR-10: the
    first convolution has stride 1 and at most 3 × 3 weights, and no pooling follows it. What still does not run, such
    as a transformer for a fixed size, gets the images resized (bilinear) to the smallest usual side that does.
    Raises ValueError if there is none.
    """
    channels, height, width = input_shape
    _take_channels(model, channels)
    tried = [model]
    if min(height, width) < _SMALL:
        tried.insert(0, duplicate(model))
        _keep_size(tried[0])
    for each in tried:  # with another stem, some fit no size at all
        if _runs(each, input_shape):
            return each
        for side in _SIDES:
            if side >= min(height, width) and _runs(each, (channels, side, side)):
                return nn.Sequential(nn.Upsample((side, side), mode="bilinear"), each).train()
    raise ValueError(f"it runs on images of none of the sides {min(height, width)}, {', '.join(map(str, _SIDES))}")


def _take_channels(model: nn.Module, channels: int) -> None:
    """Weights of further channels are the mean of the present ones, and all are scaled so that sums stay alike."""
    name, first = _first_convolution(model)
    if first is None or first.in_channels == channels or first.groups != 1:
        return
    mean = first.weight.detach().mean(dim=1, keepdim=True) * (first.in_channels / channels)
    _replace(model, name, _convolution(first, mean.repeat(1, channels, 1, 1)))


def _keep_size(model: nn.Module) -> None:
    name, first = _first_convolution(model)
    if first is None or max(first.stride) == 1 or min(first.kernel_size) <= max(first.stride):
        return  # what does not overlap cuts patches, whose size is what the rest is made for
    rows, columns = ((size - min(size, 3)) // 2 for size in first.kernel_size)
    kept = first.weight.detach()[:, :, rows : rows + 3, columns : columns + 3].clone()
    _replace(model, name, _convolution(first, kept, stride=1, padding=(kept.shape[2] // 2, kept.shape[3] // 2)))
    seen = 0
    for path, module in list(model.named_modules()):
        seen += isinstance(module, nn.Conv2d)
        if seen == 1 and isinstance(module, nn.MaxPool2d):
            _replace(model, path, nn.Identity())


def _first_convolution(model: nn.Module) -> tuple[str, nn.Conv2d | None]:
    found = ((name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv2d))
    return next(found, ("", None))


def _convolution(like: nn.Conv2d, weight: torch.Tensor, **changes: Any) -> nn.Conv2d:
    """A convolution of that weight, and in all else as `like`."""
    settings: dict[str, Any] = {
        "stride": like.stride,
        "padding": like.padding,
        "dilation": like.dilation,
        "padding_mode": like.padding_mode,
        "bias": like.bias is not None,
        **changes,
    }
    with torch.random.fork_rng(devices=[]):  # its own initial weights are not kept, and draw nothing
        result = nn.Conv2d(weight.shape[1], like.out_channels, (weight.shape[2], weight.shape[3]), **settings)
    result.weight = nn.Parameter(weight)
    result.bias = like.bias
    return result


def _replace(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)


def _runs(model: nn.Module, shape: tuple[int, int, int]) -> bool:
    """Whether it takes images of that shape, in training too (auxiliary classifiers may need larger ones)."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            duplicate(model).train()(torch.zeros(2, *shape))
            model.eval()(torch.zeros(2, *shape))
        except Exception:  # noqa: BLE001 - whatever its forward raises
            return False
        finally:
            model.train()
    return True
