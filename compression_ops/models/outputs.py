"""What a network returns while it trains: its logits, alone or with those of auxiliary classifiers."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from compression_ops.errors import ModelError

_NAMES = ("logits", "out")


class Seen:
    """Whether a network has returned more than its logits."""

    auxiliary = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """At most one sentence."""
        if not self.auxiliary:
            return ()
        return (
            "the network returns more than its logits while it trains; the first output is trained, and auxiliary "
            "classifiers are left as they are. Let its forward return the logits alone to be sure which that is; "
            "torchvision's do with `arguments: {aux_logits: false}`, and enlarge small images less",
        )


@contextmanager
def logits_alone(model: nn.Module, seen: Seen, classes: int) -> Generator[None]:
    """Inside, calling the network gives its main output, whatever else its forward returns with it; `seen` notes it.

    Of a sequence that is the first tensor; of a mapping, or an object with fields, `logits` or `out`, else the first.
    Calling it raises ModelError where that is no row of `classes` values a sample.
    """

    def main(_model: nn.Module, _inputs: Any, output: object) -> object:
        if isinstance(output, Tensor):
            return output
        seen.auxiliary = True
        found = main_output(output)
        if isinstance(found, Tensor) and (found.dim() != 2 or found.shape[1] != classes):
            raise ModelError(
                f"while it trains the network returns {_told(output)}, of which {list(found.shape)} comes first and is "
                f"no row of {classes} logits a sample. Let its forward return the logits first, or alone"
            )
        return found

    handle = model.register_forward_hook(main)
    try:
        yield
    finally:
        handle.remove()


def _told(output: object) -> str:
    parts = output.values() if isinstance(output, Mapping) else output  # pyright: ignore[reportUnknownVariableType]
    shapes = (
        [str(list(part.shape)) for part in parts if isinstance(part, Tensor)] if isinstance(parts, Iterable) else []
    )
    return f"tensors of the shapes {', '.join(shapes)}" if shapes else type(output).__name__


def main_output(output: object) -> object:
    """The logits among what a forward returned; what is no tensor and holds none is returned as it is."""
    for name in _NAMES:
        found = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if isinstance(found, Tensor):
            return found
    parts = output.values() if isinstance(output, Mapping) else output  # pyright: ignore[reportUnknownVariableType]
    if isinstance(parts, Sequence) or isinstance(output, Mapping):
        return next((part for part in parts if isinstance(part, Tensor)), output)  # type: ignore[union-attr]
    return output
