"""A trained classifier and its artifact: the weights as safetensors, and how to build their network."""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops import implementations
from compression_ops.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

_WEIGHTS = "model.safetensors"
_NETWORK = "model.json"


@dataclass(frozen=True)
class Network:
    """How to build a network: an architecture by name or `package.module:factory`, its input shape and class count."""

    architecture: str
    input_shape: tuple[int, int, int]
    classes: int


def build(network: Network) -> "nn.Module":
    """The untrained network, in its memory format: its forward maps float32 [N, C, H, W] to logits [N, classes].

    Raises ModelError if the factory cannot be imported or fails.
    """
    import torch
    from torch.nn.parameter import is_lazy

    from compression_ops.models import memory_format

    module_name, factory_name = implementations.factory(network.architecture)
    try:
        factory = getattr(importlib.import_module(module_name), factory_name)
        model: nn.Module = factory(network.input_shape, network.classes)
        sample = torch.zeros(2, *network.input_shape)
        if any(is_lazy(parameter) for parameter in model.parameters()):
            with torch.no_grad():
                model.eval()(sample)  # which draws the parameters of lazy modules
            model.train()
        memory_format.adopt(model, sample)
        return model
    except Exception as error:
        raise ModelError(
            f"architecture {network.architecture!r} could not build a network for images of shape "
            f"{network.input_shape} and {network.classes} classes: {type(error).__name__}: {error}"
        ) from error


def save(folder: Path, network: Network, model: "nn.Module") -> None:
    """Write `model.safetensors` and `model.json`. Of a weight with several names one is written.

    Raises ModelError if the network's state holds more than tensors, or tensors that overlap in part.
    """
    from safetensors.torch import save_model

    try:
        save_model(model, str(folder / _WEIGHTS))
    except Exception as error:
        raise ModelError(
            f"the weights of architecture {network.architecture!r} cannot be saved: {type(error).__name__}: {error}. "
            "Allowed is a state_dict of tensors, of which two share all of their memory or none"
        ) from error
    fields = {
        "architecture": network.architecture,
        "input_shape": list(network.input_shape),
        "classes": network.classes,
    }
    (folder / _NETWORK).write_text(json.dumps(fields, indent=1) + "\n")


def load_network(folder: Path) -> Network:
    """Read `model.json`."""
    fields = json.loads((folder / _NETWORK).read_text())
    return Network(fields["architecture"], tuple(fields["input_shape"]), fields["classes"])


def load(folder: Path) -> "nn.Module":
    """Rebuild the network and load its weights, in evaluation mode."""
    from safetensors.torch import load_model

    model = build(load_network(folder))
    load_model(model, folder / _WEIGHTS)
    return model.eval()
