"""A trained classifier and its artifact: the weights as safetensors, and how to build their network."""

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops import implementations
from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.models.choice import NetworkChoice

if TYPE_CHECKING:
    from torch import nn

_WEIGHTS = "model.safetensors"
_NETWORK = "model.json"


@dataclass(frozen=True)
class Network:
    """How to build a network: an architecture by name or `package.module:factory`, its input shape and class count,
    and further keyword arguments of the factory.
    """

    architecture: str
    input_shape: tuple[int, int, int]
    classes: int
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def factory(self) -> "Callable[..., nn.Module]":
        """What builds it from (input_shape, classes, **arguments); a module that was reloaded has another."""
        module_name, name = implementations.factory(self.architecture)
        module = importlib.import_module(module_name)
        return module.factory(name) if implementations.is_published(self.architecture) else getattr(module, name)


def of_choice(choice: NetworkChoice, description: Description) -> Network:
    """The network of a recipe's choice for a data set."""
    return Network(choice.architecture, description.shape, len(description.classes), choice.arguments)


def build(network: Network) -> "nn.Module":
    """The untrained network, in its memory format: its forward maps float32 [N, C, H, W] to logits [N, classes].

    Raises ModelError if the factory cannot be imported or fails.
    """
    import torch
    from torch.nn.parameter import is_lazy

    from compression_ops.models import memory_format

    try:
        model = network.factory(network.input_shape, network.classes, **network.arguments)
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
        "arguments": dict(network.arguments),
    }
    (folder / _NETWORK).write_text(json.dumps(fields, indent=1) + "\n")


def load_network(folder: Path) -> Network:
    """Read `model.json`."""
    fields = json.loads((folder / _NETWORK).read_text())
    arguments = fields.get("arguments", {})  # which earlier versions did not write
    return Network(fields["architecture"], tuple(fields["input_shape"]), fields["classes"], arguments)


def load(folder: Path) -> "nn.Module":
    """Rebuild the network and load its weights, in evaluation mode."""
    from safetensors.torch import load_model

    model = build(load_network(folder))
    load_model(model, folder / _WEIGHTS)
    return model.eval()
