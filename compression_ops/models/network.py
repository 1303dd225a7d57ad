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
    """The untrained network. Its forward maps float32 [N, C, H, W] to logits float32 [N, classes].

    Raises ModelError if the factory cannot be imported or fails.
    """
    module_name, factory_name = implementations.factory(network.architecture)
    try:
        factory = getattr(importlib.import_module(module_name), factory_name)
        return factory(network.input_shape, network.classes)
    except Exception as error:
        raise ModelError(
            f"architecture {network.architecture!r} could not build a network for images of shape "
            f"{network.input_shape} and {network.classes} classes: {type(error).__name__}: {error}"
        ) from error


def save(folder: Path, network: Network, model: "nn.Module") -> None:
    """Write `model.safetensors` and `model.json`."""
    from safetensors.torch import save_file

    save_file({name: value.detach().contiguous() for name, value in model.state_dict().items()}, folder / _WEIGHTS)
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
    from safetensors.torch import load_file

    model = build(load_network(folder))
    model.load_state_dict(load_file(folder / _WEIGHTS))
    return model.eval()
