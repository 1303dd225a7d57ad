"""A saved network's forward pass without gradients: in onnxruntime, or in torch where it cannot be exported.

onnxruntime fuses a layer with those that follow it: a VGG runs at up to three times torch's speed.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

from compression_ops.data.dataset import Description, normalize
from compression_ops.errors import ModelError
from compression_ops.models import inference
from compression_ops.models.network import load
from compression_ops.onnx_model.export import export_saved
from compression_ops.onnx_model.session import open_session, predict

_LOG = logging.getLogger(__name__)
# Of the range of torch's logits.
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Forward:
    """A network in evaluation mode.

    logits   [B, C, H, W] with values in [0, 255] (uint8 or float) -> float32 [B, classes]
    threads  how many threads may call `logits` at once; where that is more than one, a call computes on one core
    device   where it computes; images that lie there already need not be moved
    warning  where torch computes although onnxruntime was asked: a sentence that says why
    """

    logits: Callable[[Tensor], Tensor]
    threads: int = 1
    device: str = "cpu"
    warning: str | None = None


def open_forward(folder: Path, description: Description, sample: Tensor, device: str = "cpu") -> Forward:
    """The forward pass of the network in a `teacher`, `student` or `control` artifact.

    `sample` is some images like those to come: onnxruntime computes where its logits of them are torch's, within a
    thousandth of their range. Every call of it runs on one core, and calls from several threads use all of them: so a
    logit's bits depend neither on the number of cores nor on what else the machine does.
    On an accelerator torch computes, which has it for sure: onnxruntime's builds for GPUs are packages of their own.
    Raises ModelError if the network does not give one logit a class.
    """
    if device != "cpu":
        return in_torch(load(folder).to(device), description)
    model = load(folder)
    expected = inference.logits(model, sample, description)
    try:
        session = compared_session(folder, expected, description, sample)
    except ModelError as error:
        warning = f"the network runs in torch, which is slower than onnxruntime: {str(error).rstrip('.')}"
        _LOG.warning(warning)
        return replace(in_torch(model, description), warning=warning)
    return Forward(lambda images: _run(session, images, description), torch.get_num_threads())


def compared_session(folder: Path, expected: Tensor, description: Description, sample: Tensor) -> InferenceSession:
    """The saved network in onnxruntime, whose logits of `sample` are those `expected` from torch.

    Raises ModelError if it cannot be exported or run, or if its logits differ by more than a thousandth of their range.
    """
    session = open_session(export_saved(folder).SerializeToString(deterministic=True))
    difference = (_run(session, sample, description) - expected).abs().max().item()
    allowed = _TOLERANCE * (expected.max() - expected.min()).item()
    if not difference <= allowed:
        raise ModelError(
            f"onnxruntime's logits differ from torch's by up to {difference:.3g}, allowed is {allowed:.3g}"
        )
    return session


def in_torch(model: nn.Module, description: Description) -> Forward:
    """The forward pass of a torch network, which uses all cores, or the whole accelerator, by itself."""
    device = str(inference.device_of(model))
    return Forward(lambda images: inference.logits(model, images, description), device=device)


def _run(session: InferenceSession, images: Tensor, description: Description) -> Tensor:
    return torch.from_numpy(predict(session, normalize(images, description).numpy(), max(len(images), 1)))
