"""What losses on features have in common: which layers are compared, and what these give for a batch."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.errors import ModelError
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compression_ops.training.objective import Batch

_SHOWN = 8  # layers in an error


class FeatureLoss(Spec):
    """Parameters of a loss that compares a layer of the student with one of the teacher, beside cross entropy."""

    needs_teacher: ClassVar[bool] = True
    weighs_classes: ClassVar[bool] = True
    takes_mixed_labels: ClassVar[bool] = True

    teacher_layer: str | None = Field(
        default=None, description="Name of the module, as `features.6`; by default the last that gives a feature map."
    )
    student_layer: str | None = Field(default=None, description="The same of the student.")
    label_weight: float = Field(default=1.0, ge=0, le=1e6, description="Weight of the cross entropy with the labels.")


class Pair:
    """The two layers that are compared.

    teacher, student              names of modules
    teacher_shape, student_shape  (C, H, W) of the feature maps that they give
    """

    def __init__(
        self, spec: FeatureLoss, teacher: "nn.Module", student: "nn.Module", input_shape: tuple[int, int, int]
    ) -> None:
        """Raises ModelError for a name that is no layer with a feature map, and says which there are."""
        self.teacher, self.teacher_shape = _layer(teacher, spec.teacher_layer, input_shape, "teacher_layer")
        self.student, self.student_shape = _layer(student, spec.student_layer, input_shape, "student_layer")

    def features(self, teacher: "nn.Module", model: "nn.Module", batch: "Batch") -> "tuple[Tensor, Tensor, Tensor]":
        """(the student's feature maps, the teacher's, the student's logits) of a batch, [B, …], in float32.

        Where the maps differ in size, the larger are averaged to the size of the smaller.
        """
        import torch
        from torch.nn.functional import adaptive_avg_pool2d

        with torch.no_grad(), watched(teacher, [self.teacher]) as seen:
            teacher.eval()(batch.inputs)
        theirs = seen[self.teacher].float()
        with watched(model, [self.student]) as seen:
            logits = model(batch.inputs).float()
        own = seen[self.student].float()
        height, width = (min(sizes) for sizes in zip(own.shape[2:], theirs.shape[2:], strict=True))
        return adaptive_avg_pool2d(own, (height, width)), adaptive_avg_pool2d(theirs, (height, width)), logits


@contextmanager
def watched(model: "nn.Module", names: list[str]) -> "Generator[dict[str, Tensor]]":
    """Inside, what modules give is kept under their names, each time anew; the network stays as it is."""
    from torch import Tensor

    seen: dict[str, Tensor] = {}
    handles = []
    for name in names:

        def keep(_module: object, _inputs: object, output: object, name: str = name) -> None:
            if isinstance(output, Tensor):
                seen[name] = output

        handles.append(model.get_submodule(name).register_forward_hook(keep))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _layer(
    model: "nn.Module", stated: str | None, input_shape: tuple[int, int, int], field: str
) -> tuple[str, tuple[int, ...]]:
    maps = _maps(model, input_shape)
    if not maps:
        raise ModelError(
            f"{type(model).__name__} has no layer that gives feature maps, [N, C, H, W]; losses on features compare "
            "such layers. Choose a loss on logits, such as kd"
        )
    if stated is None:
        large = [name for name, shape in maps.items() if shape[1] * shape[2] > 1]
        name = (large or list(maps))[-1]
        return name, maps[name]
    if stated not in maps:
        shown = ", ".join(f"{name} {list(shape)}" for name, shape in list(maps.items())[-_SHOWN:])
        raise ModelError(
            f"loss.{field} is {stated!r}, which is no layer of {type(model).__name__} with feature maps; allowed are "
            f"(the last {min(len(maps), _SHOWN)} of {len(maps)}): {shown}"
        )
    return stated, maps[stated]


def _maps(model: "nn.Module", input_shape: tuple[int, int, int]) -> Mapping[str, tuple[int, ...]]:
    """{layer: (C, H, W)} of the layers that give feature maps, in the order in which they end."""
    import torch

    training = model.training
    weight = next(model.parameters(), torch.zeros(()))
    names = [name for name, _ in model.named_modules() if name]
    with torch.no_grad(), watched(model, names) as seen:
        model.eval()(torch.zeros(2, *input_shape, device=weight.device))
    model.train(training)
    return {name: tuple(value.shape[1:]) for name, value in seen.items() if value.dim() == 4}
