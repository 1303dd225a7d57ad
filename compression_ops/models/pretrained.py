"""A network with the weights that somebody trained before."""

import re
from functools import partial
from pathlib import Path

from torch import nn

from compression_ops import implementations
from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.models import weights as files
from compression_ops.models.network import Network, build
from compression_ops.models.preprocessing import Indexed, Preprocessed
from compression_ops.models.weights import Weights


def load(
    network: Network, file: Path, description: Description, is_trained_on: bool
) -> tuple[nn.Module, tuple[str, ...]]:
    """(the network with the weights of a file, sentences that a user should read).

    is_trained_on  whether it is trained further, so that a head for other classes, or a stem that small images change,
                   may start from new values

    Raises ModelError for weights of another network, or for classes that are not those of the data.
    """
    model = build(network)
    take = getattr(_inner(model), "take", None)
    if take is not None:  # a network that is its file, as `architecture: onnx` builds it
        return model, take(file.read_bytes(), file.name)
    found = files.read(file)
    _check_classes(found, file, description)
    told: list[str] = []
    source = f"the weights in {file.name}"
    put = partial(files.put, weights=found, classes=network.classes, source=source, new_head=is_trained_on)
    if not implementations.is_published(network.architecture):
        return model, put(_inner(model))
    published: list[str] = []

    def as_published(model: nn.Module) -> None:
        told.extend(put(model))
        published.append(_structure(model, network))

    model = build(network, as_published)
    if _structure(_inner(model), network) != published[0]:
        told.append(_changed(network, is_trained_on))
    return model, tuple(told)


def _structure(model: nn.Module, network: Network) -> str:
    """Its layers; a grey image is seen as a colour image of equal channels was, so these are no change."""
    grey = network.input_shape[0] == 1
    return re.sub(r"Conv2d\(\d+,", "Conv2d(", repr(model), count=1) if grey else repr(model)


def _changed(network: Network, is_trained_on: bool) -> str:
    words = (
        f"{network.architecture} was made for other images; for these of {list(network.input_shape)} its first layers"
    )
    if not is_trained_on:
        raise ModelError(
            f"{words} would be changed, so that it no longer computes what it learned. State `image_size`, such as "
            "224, which resizes the images for it; or train it further, by epochs > 0"
        )
    return f"{words} were changed; `image_size`, such as 224, would keep them"


def _inner(model: nn.Module) -> nn.Module:
    """Without what resizes or rescales its images."""
    while True:
        if isinstance(model, Preprocessed | Indexed):
            model = model.network
        elif isinstance(model, nn.Sequential) and isinstance(model[0], nn.Upsample):
            model = model[1]
        else:
            return model


def _check_classes(found: Weights, file: Path, description: Description) -> None:
    if found.classes is None or found.classes == description.classes:
        return
    stated, own = set(found.classes), set(description.classes)
    if stated == own:
        raise ModelError(
            f"{file.name} states its classes in another order than the data: {_listed(found.classes)} instead of "
            f"{_listed(description.classes)}. Order the rows of its last layer as the data are, and state that order"
        )
    raise ModelError(
        f"{file.name} states other classes than the data: {_listed(sorted(stated - own)) or 'none'} stand in the file "
        f"alone, {_listed(sorted(own - stated)) or 'none'} in the data alone"
    )


def _listed(names: "tuple[str, ...] | list[str]") -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
