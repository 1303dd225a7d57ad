"""Which pixels speak for a saved network's answer: integrated gradients (Sundararajan, Taly & Yan 2017)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compression_ops.data.dataset import Description, normalize
from compression_ops.models.inference import evaluation
from compression_ops.models.network import load
from compression_ops.onnx_model import frozen

_STEPS = 64


def open_network(folder: Path) -> nn.Module | None:
    """The saved network of a folder; None for an ONNX model, through which torch has no gradient."""
    if not (folder / "model.json").exists():
        return None
    network = load(folder)
    return network if frozen.within(network) is None else None


def attributions(
    network: nn.Module, images: Tensor, targets: Sequence[int], description: Description
) -> list[NDArray[np.float64]]:
    """Of each image, uint8 [N, C, H, W], what its pixels say for the class of its target: float64 [C, H, W].

    They add up to that class's logit less its logit of a black image, but for the sum that stands for the integral.
    """
    with evaluation(network):
        return [
            integrated_gradients(network, normalize(image[None], description)[0], black, target)
            for image, target in zip(images, targets, strict=True)
            for black in (normalize(torch.zeros_like(image)[None], description)[0],)
        ]


def integrated_gradients(
    network: nn.Module, image: Tensor, baseline: Tensor, target: int, steps: int = _STEPS
) -> NDArray[np.float64]:
    """(x - x') times the mean gradient of logit `target` on the way from x' to x, by the midpoint rule.

    image, baseline: float32 [C, H, W], normalized; float64 [C, H, W]. The network is in evaluation mode.
    """
    way = (torch.arange(steps) + 0.5).view(-1, 1, 1, 1) / steps
    points = (baseline + way * (image - baseline)).requires_grad_()
    with torch.enable_grad():
        (gradients,) = torch.autograd.grad(network(points)[:, target].sum(), points)
    return ((image - baseline) * gradients.mean(dim=0)).detach().double().numpy()
