"""A trained classifier and its artifact: the weights as safetensors, and how to build their network."""

import contextlib
import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops import implementations
from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError, told
from compression_ops.models.choice import NetworkChoice, Normalization

if TYPE_CHECKING:
    from torch import Tensor, nn

_WEIGHTS = "model.safetensors"
_NETWORK = "model.json"
# What a recipe says of its network that only some samples can be prepared by.
_OF_IMAGES = ("image_size", "normalization")


@dataclass(frozen=True)
class Network:
    """How to build a network.

    architecture  by name or as `package.module:factory`
    input_shape   of a normalized sample: (C, H, W) of an image
    arguments     further keyword arguments of the factory
    image_size    side to which it resizes its images first; None for theirs
    indices       how many there are, where it takes int64 indices; None where it takes float32
    scale, shift  x * scale + shift, a number a channel, makes of its normalized images those that it expects; () if
                  they are
    """

    architecture: str
    input_shape: tuple[int, ...]
    classes: int
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    image_size: int | None = None
    scale: tuple[float, ...] = ()
    shift: tuple[float, ...] = ()
    indices: int | None = None

    @property
    def factory(self) -> "Callable[..., nn.Module]":
        """What builds it from (input_shape, classes, **arguments); a module that was reloaded has another.

        Raises ModelError for one of a package whose code may not be run, whoever wrote its name.
        """
        module_name, name = implementations.factory(self.architecture)
        if ":" in self.architecture and (refusal := implementations.forbidden(module_name)):
            raise ModelError(f"architecture {self.architecture!r}: {refusal}")
        module = importlib.import_module(module_name)
        return module.factory(name) if implementations.is_published(self.architecture) else getattr(module, name)


def of_choice(choice: NetworkChoice, description: Description) -> Network:
    """The network of a recipe's choice for a data set. Raises ModelError for a normalization of other channels, or
    for what only images have.
    """
    modality = description.modality
    stated = (name for name in _OF_IMAGES if getattr(choice, name) is not None)
    if wrong := next((name for name in stated if name not in modality.prepared_by), None):
        raise ModelError(f"{wrong} is of images, and the samples are {modality.noun}. Leave it out")
    scale, shift = _affine(choice.normalization, description)
    arguments = {**taken(choice.architecture, modality.arguments()), **choice.arguments}
    indices = None if choice.architecture == implementations.ONNX else modality.indices()
    classes = len(description.classes)
    size = choice.image_size
    return Network(choice.architecture, description.input_shape, classes, arguments, size, scale, shift, indices)


def taken(architecture: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of the arguments that the architecture's factory has parameters for; all where that cannot be known."""
    if not told:
        return {}
    with contextlib.suppress(Exception):  # of an import that fails `build` tells
        parameters = inspect.signature(Network(architecture, (), 0).factory).parameters
        if all(each.kind is not inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
            return {name: value for name, value in told.items() if name in parameters}
    return told


def _affine(wanted: Normalization | None, description: Description) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """From (p - mean) / std of the data to that of a network: scale = std / std', shift = (mean - mean') / std'."""
    if wanted is None:
        return (), ()
    channels = len(description.mean)
    if {len(wanted.mean), len(wanted.std)} - {1, channels}:
        raise ModelError(
            f"normalization has {len(wanted.mean)} means and {len(wanted.std)} deviations; allowed is one, or one for "
            f"each of the {channels} channels of the data"
        )
    means, deviations = ([*values] * (channels // len(values)) for values in (wanted.mean, wanted.std))
    own = list(zip(description.mean, description.std, means, deviations, strict=True))
    return tuple(s / std for _, s, _, std in own), tuple((m - mean) / std for m, _, mean, std in own)


def build(network: Network, before_fit: "Callable[[nn.Module], None] | None" = None) -> "nn.Module":
    """The untrained network, in its memory format: its forward maps float32 [N, *input_shape] to logits [N, classes].
    What its factory builds takes int64 where the samples are indices.

    `before_fit` is given a published network as its publisher made it, before it is fitted to other images.
    Raises ModelError if the factory cannot be imported or fails.
    """
    import torch
    from torch.nn.parameter import is_lazy

    from compression_ops.models import memory_format
    from compression_ops.models.preprocessing import Indexed, Preprocessed

    size = network.image_size
    seen = network.input_shape if size is None else (network.input_shape[0], size, size)
    fitting = {"before_fit": before_fit} if before_fit and implementations.is_published(network.architecture) else {}
    try:
        model = _bare(network.factory(seen, network.classes, **network.arguments, **fitting))
        if network.image_size or network.scale:
            model = Preprocessed(model, network.image_size, network.scale, network.shift)
        if network.indices is not None:
            model = Indexed(model, network.indices)
        sample = torch.zeros(2, *network.input_shape)
        if any(is_lazy(parameter) for parameter in model.parameters()):
            with torch.no_grad():
                model.eval()(sample)  # which draws the parameters of lazy modules
            model.train()
        _require_real_tensors(model, network)
        memory_format.adopt(model, sample)
        return model
    except (ModelError, KeyboardInterrupt):
        raise
    except BaseException as error:  # somebody's factory may end in any way, by sys.exit() too
        raise ModelError(
            f"architecture {network.architecture!r} could not build a network for inputs of shape "
            f"{network.input_shape} and {network.classes} classes: {told(error)}"
        ) from error


def _require_real_tensors(model: "nn.Module", network: Network) -> None:
    """Raises ModelError for parameters of complex numbers, and for a state that holds more than tensors."""
    from torch import Tensor

    if found := [name for name, parameter in model.named_parameters() if parameter.is_complex()]:
        raise ModelError(
            f"architecture {network.architecture!r} has parameters of complex numbers, {', '.join(found[:5])}; allowed "
            "are real ones, since neither the optimizer nor ONNX's operators know others. Keep the real and the "
            "imaginary part as two parameters, and let its forward compute with the two"
        )
    state = model.state_dict()
    if other := {name: value for name, value in state.items() if not isinstance(value, Tensor)}:
        told_of = ", ".join(f"{name} of type {type(value).__name__}" for name, value in list(other.items())[:5])
        raise ModelError(
            f"the state_dict of architecture {network.architecture!r} holds more than tensors, {told_of}, and weights "
            "are stored without pickles. Let get_extra_state return a tensor, or leave it out and keep what must be "
            "saved in buffers (register_buffer)"
        )


def _bare(model: object) -> "nn.Module":
    """Without what spreads a network over devices, or compiles it: the product does either for itself.

    Raises ModelError for what is no network.
    """
    from torch import nn

    if not isinstance(model, nn.Module):
        raise ModelError(f"the factory returned {type(model).__name__}; it must return a torch.nn.Module")
    while isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel) or hasattr(model, "_orig_mod"):
        inner: object = getattr(model, "_orig_mod", None)
        found: object = model.module if inner is None else inner
        assert isinstance(found, nn.Module), "of a wrapper what it wraps is a network"
        model = found
    return model


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
        "image_size": network.image_size,
        "scale": list(network.scale),
        "shift": list(network.shift),
        **({} if network.indices is None else {"indices": network.indices}),
    }
    (folder / _NETWORK).write_text(json.dumps(fields, indent=1) + "\n")


def load_network(folder: Path) -> Network:
    """Read `model.json`."""
    fields = json.loads((folder / _NETWORK).read_text())
    return Network(
        architecture=fields["architecture"],
        input_shape=tuple(fields["input_shape"]),
        classes=fields["classes"],
        arguments=fields.get("arguments", {}),  # this and what follows earlier versions did not write
        image_size=fields.get("image_size"),
        scale=tuple(fields.get("scale", ())),
        shift=tuple(fields.get("shift", ())),
        indices=fields.get("indices"),
    )


def load(folder: Path) -> "nn.Module":
    """Rebuild the network and load its weights, in evaluation mode. Raises RuntimeError for weights of another."""
    from safetensors.torch import load_file

    model = build(load_network(folder))
    tensors = load_file(folder / _WEIGHTS)
    own = model.state_dict()
    missing, unknown = take(model, tensors)
    stored = {own[name].untyped_storage().data_ptr() for name in tensors if name in own}
    if missing := [name for name in missing if own[name].untyped_storage().data_ptr() not in stored]:
        raise RuntimeError(f"{folder / _WEIGHTS} lacks {', '.join(missing)}")
    if unknown:
        raise RuntimeError(f"{folder / _WEIGHTS} has {', '.join(unknown)}, which the network has not")
    return model.eval()


def take(model: "nn.Module", tensors: "Mapping[str, Tensor]") -> tuple[list[str], list[str]]:
    """Give a network tensors of its state by name, in place; what it has of others stays. Returns the names that are
    missing, and those that it does not know.

    As its `load_state_dict`, but the tensors are taken for ones of the present versions of its modules: a file of
    tensors says nothing of versions, and torchvision's MNASNet refuses to load without.
    """
    from collections import OrderedDict

    state = OrderedDict(tensors)
    state._metadata = getattr(model.state_dict(), "_metadata", {})  # type: ignore[attr-defined] # torch's own place
    result = model.load_state_dict(state, strict=False)
    return result.missing_keys, result.unexpected_keys
